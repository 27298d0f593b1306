"""The rounds of one day beside each other: each part beside its par, and no sum; persons are not compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.report.debrief import of_part
from chaos.report.html import page
from chaos.verdict.round import RoundScore

TEMPLATE = "day.html.j2"
PARTS = ("detect", "acknowledge", "diagnose", "mitigate", "communicate", "harm", "budget")


@dataclass(frozen=True, slots=True)
class RoundOfDay:
    """One round."""

    run_id: str
    title: str
    outcome: str
    score: RoundScore

    @property
    def cells(self) -> list[tuple[str, str]]:
        """The value and the par of each of PARTS, in words; a dash where the round had no such part."""
        there = {part.name: of_part(part) for part in self.score.parts}
        return [there.get(name, ("-", "-")) for name in PARTS]


def html(day: str, rounds: Sequence[RoundOfDay]) -> str:
    """As one page that needs nothing else; `day`: in words."""
    return page(TEMPLATE, day=day, rounds=rounds, parts=PARTS)
