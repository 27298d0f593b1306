"""Two measurements of the same claims beside each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.report.claims import words
from chaos.verdict.claims import ClaimsVerdict, ClaimVerdict, Measure


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that both say something of."""

    claim: str
    what: str
    before: str
    now: str
    differs: bool
    """Of a number: its intervals do not overlap; of an outcome: it is another one."""


def rows(before: ClaimsVerdict, now: ClaimsVerdict) -> list[Row]:
    """What there is in both: the outcome of each claim, then its numbers."""
    earlier = {one.claim: one for one in before.claims}
    return [row for one in now.claims if one.claim in earlier for row in _of(earlier[one.claim], one)]


def lines(before: ClaimsVerdict, now: ClaimsVerdict) -> list[str]:
    """The same for a terminal."""
    found = rows(before, now)
    if not found:
        return [f"compared with {before.run_id}: no claim was measured in both"]
    table = [f"  {'≠' if row.differs else ' '} {row.claim:<14}{row.what:<36}{row.before:<34}{row.now}" for row in found]
    return [f"compared with {before.run_id} (≠: another outcome, or intervals that do not overlap)", *table]


def _of(before: ClaimVerdict, now: ClaimVerdict) -> Iterator[Row]:
    yield Row(now.claim, "outcome", before.outcome, now.outcome, before.outcome is not now.outcome)
    earlier = {one.name: one for one in before.measures}
    for measure in now.measures:
        if old := earlier.get(measure.name):
            apart = _apart(old, measure)
            yield Row(now.claim, measure.name, words.of_measure(old), words.of_measure(measure), apart)


def _apart(one: Measure, other: Measure) -> bool:
    return one.high < other.low or other.high < one.low
