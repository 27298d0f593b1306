"""The debrief of a round: the truth, what happened, what people did beside what was possible, what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.facts.game import AnyGameFact, Joined, RoundBegan
from chaos.report import durations, game_words, words
from chaos.report.html import page
from chaos.spec.gameday.seal import Seal
from chaos.spec.gameday.truth import Truth
from chaos.verdict.round import Part, RoundScore
from chaos.verdict.verdict import Verdict

QUESTIONS = (
    "What told you first that something is wrong, and what should have?",
    "Which guess cost you most time, and what would have ruled it out?",
    "What would have to be otherwise for nobody to be needed next time?",
)
TEMPLATE = "debrief.html.j2"


@dataclass(frozen=True, slots=True)
class Debrief:
    """All that is told of one round."""

    verdict: Verdict
    score: RoundScore
    facts: Sequence[AnyGameFact]
    seal: Seal
    truth: Truth

    @property
    def items(self) -> Sequence[str]:
        """Action items that were open when it began."""
        return next((fact.items for fact in self.facts if isinstance(fact, RoundBegan)), [])

    @property
    def zero(self) -> float:
        """From which all times count, in seconds since the run's start: the injection, else the run's start."""
        return self.verdict.injected or 0.0

    @property
    def told(self) -> list[tuple[str, str]]:
        """When, and what happened, in their order; who was there is said elsewhere."""
        facts = sorted(self.facts, key=lambda fact: (fact.at, fact.number))
        shown = [fact for fact in facts if not isinstance(fact, Joined)]
        return [(durations.signed(fact.at - self.zero), game_words.line(fact)) for fact in shown]

    @property
    def people(self) -> list[str]:
        """Who was there, with their roles."""
        return [f"{fact.who} ({fact.role})" for fact in self.facts if isinstance(fact, Joined)]

    @property
    def commitment(self) -> str:
        """What was shown before it began."""
        return next((fact.commitment for fact in self.facts if isinstance(fact, RoundBegan)), "")


def of_part(part: Part) -> tuple[str, str]:
    """The value and the par of a part, in words."""
    return _amount(part.value, part.unit), _amount(part.par, part.unit)


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return durations.spoken(round(value, 1)) if unit == "s" else f"{value:g} {unit}"


def markdown(of: Debrief) -> str:
    """As a document to write on in."""
    verdict, score = of.verdict, of.score
    lines = [
        f"# Game day: {verdict.title}",
        f"*{verdict.run_id}*",
        "",
        "## The truth",
        f"{of.truth.words}.",
        f"It ended as: {score.ended or 'nothing was injected'}. Verdict: {verdict.outcome.value}.",
        *(f"- {reason}" for reason in words.reasons(verdict)),
        "",
        "## Score",
        "Never a sum, and no person's rank: each part beside its par, which is when it could have been known.",
        "",
        "| part | you | par | |",
        "|---|---|---|---|",
        *(f"| {part.name} | {' | '.join(of_part(part))} | {part.words} |" for part in score.parts),
        f"| hints | {score.hints} | 0 | |",
        *(
            f"| Brier score of {who} | {value:g} | 0 | 0 is certain and right, 1 certain and wrong |"
            for who, value in score.brier.items()
        ),
        "",
        *_what_follows(of),
    ]
    return "\n".join(lines)


def _what_follows(of: Debrief) -> list[str]:
    verdict, score = of.verdict, of.score
    return [
        "## Gaps",
        *([f"- {gap}" for gap in score.gaps] or ["none was found"]),
        "",
        "## What happened",
        *(f"- `{when:>9}` {what}" for when, what in of.told),
        "",
        "## Alerts",
        *(
            [f"- {alert.outcome.value}: {alert.name}" for alert in verdict.alerts if alert.outcome.value != "quiet"]
            or ["none"]
        ),
        "",
        "## Questions",
        *(f"{number}. {question}" for number, question in enumerate(QUESTIONS, 1)),
        "",
        "## Action items",
        "Write who and until when; what is open is shown when the next game day begins.",
        *(f"- [ ] {item}" for item in of.items),
        *(f"- [ ] {gap} (owner: , until: )" for gap in score.gaps),
        "- [ ] (owner: , until: )",
        "",
        "## The seal",
        f"Shown before: `{of.commitment}`. Salt: `{of.seal.salt}`. `stormdrill gameday verify` recomputes it.",
        "",
    ]


def html(of: Debrief) -> str:
    """As one page that needs nothing else."""
    parts = [(part, *of_part(part)) for part in of.score.parts]
    return page(TEMPLATE, debrief=of, parts=parts, questions=QUESTIONS)


def open_items(content: str) -> list[str]:
    """The action items of a debrief in Markdown that are not ticked, and say something."""
    marked = [line.removeprefix("- [ ] ").strip() for line in content.splitlines() if line.startswith("- [ ] ")]
    return [item for item in marked if item and not item.startswith("(owner:")]
