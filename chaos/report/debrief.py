"""The debrief of a round: the truth, what happened, what people did beside what was possible, what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from chaos.facts.game import Answered, AnyGameFact, InjectTold, Joined, RoundBegan
from chaos.report import action_items, alert_words, durations, game_words, words
from chaos.report.html import page
from chaos.spec.gameday.deck import Inject
from chaos.spec.gameday.seal import Seal
from chaos.spec.gameday.truth import Truth
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult
from chaos.verdict.round import ClaimResult, Part, RoundScore
from chaos.verdict.verdict import Verdict

QUESTIONS = (
    "What told you first that something is wrong, and what should have?",
    "Which guess cost you most time, and what would have ruled it out?",
    "What would have to be otherwise for nobody to be needed next time?",
)
BRIER_MEANS = "0 is certain and right, 0.5 not sure at all, 1 certain and wrong"
TEMPLATE = "debrief.html.j2"
_NOT_TOLD = "never told"


@dataclass(frozen=True, slots=True)
class CameBetween:
    """An inject, and what became of it."""

    when: str
    """When it was told, from the injection on."""
    what: str
    expects: str
    """What a good answer holds; empty where nobody said."""
    answers: Sequence[str]
    wanted: bool
    """Whether an answer was wanted of those who were told."""


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
        return action_items.once(next((fact.items for fact in self.facts if isinstance(fact, RoundBegan)), []))

    @property
    def suggested(self) -> Sequence[str]:
        """What could become an action item: gaps that are none yet."""
        return action_items.suggestions(self.score.gaps, self.items)

    @property
    def ended(self) -> str:
        """How it ended."""
        return how_ended(self.score)

    @property
    def mitigation(self) -> str:
        """What was sealed as what ends users' pain."""
        return self.seal.sealed.mitigation

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
    def injects(self) -> list[CameBetween]:
        """Everything that was sealed to come in between, in its order."""
        sealed = self.seal.sealed.injects
        # They are told in their order, so that the first that was told is the first that says something.
        said = [fact for fact in self.facts if isinstance(fact, InjectTold)]
        told = dict(zip_longest([place for place, one in enumerate(sealed) if one.text], said))
        return [self._inject(one, told.get(place)) for place, one in enumerate(sealed)]

    def _inject(self, inject: Inject, told: InjectTold | None) -> CameBetween:
        broken = [f"broken by then: {inject.fault.describe()}"] if inject.fault is not None else []
        said = [f"{inject.from_}: {inject.text}"] if inject.text else []
        answers = [
            f"{fact.who}, after {durations.spoken(round(fact.at - told.at, 1))}: {fact.text}"
            for fact in self.facts
            if told is not None and isinstance(fact, Answered) and fact.inject == told.number
        ]
        when = f"after {inject.after}" if not inject.text else _NOT_TOLD
        when = when if told is None else durations.signed(told.at - self.zero)
        wanted = told is not None and told.within_seconds is not None
        return CameBetween(when, "; ".join([*said, *broken]), inject.expects, answers, wanted)

    @property
    def alerts(self) -> list[tuple[str, str, str]]:
        """Of each alert that was not just quiet: what it came to, its name, and why."""
        return [_alert(one) for one in self.verdict.alerts if one.outcome is not AlertOutcome.QUIET]

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


def rows(score: RoundScore) -> list[tuple[str, str, str, str]]:
    """The score as a table's rows for people: what it is about, what came of it, its par, and what that means."""
    return [
        *((part.name, *of_part(part), part.words) for part in score.parts),
        ("hints", str(score.hints), "0", ""),
        *((f"Brier score of {who}", f"{value:g}", "0", BRIER_MEANS) for who, value in score.brier.items()),
        *(("looked at the truth", who, "", "") for who in score.looked),
    ]


def how_ended(score: RoundScore) -> str:
    """How the round ended, in words."""
    return score.ended or "nothing was injected"


def of_claim(claim: ClaimResult) -> str:
    """Whether a claim was right, and why it does not count where it does not."""
    word = "right" if claim.right else "wrong"
    return word if claim.scored else f"{word}, not scored: {claim.why_not or 'after the truth was shown'}"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return durations.spoken(round(value, 1)) if unit == "s" else f"{value:g} {unit}"


def _alert(alert: AlertResult) -> tuple[str, str, str]:
    return alert.outcome.value, alert_words.named(alert), alert_words.of_alert(alert)


def markdown(of: Debrief) -> str:
    """As a document to write on in."""
    verdict = of.verdict
    lines = [
        f"# Game day: {verdict.title}",
        f"*{verdict.run_id}*",
        "",
        "## The truth",
        f"{of.truth.words}.",
        f"What ends it, as it was sealed: {f'`{of.mitigation}`' if of.mitigation else 'nothing has to be ended'}.",
        f"It ended as: {of.ended}. Verdict: {verdict.outcome.value}.",
        *(f"- {reason}" for reason in words.reasons(verdict)),
        "",
        *_score(of.score),
        *_between(of.injects),
        *_what_follows(of),
    ]
    return "\n".join(lines)


def _score(score: RoundScore) -> list[str]:
    return [
        "## Score",
        "Never a sum, and no person's rank: each part beside its par, which is when it could have been known.",
        "",
        "| part | you | par | |",
        "|---|---|---|---|",
        *(f"{' '.join(f'| {cell}' if cell else '|' for cell in row)} |" for row in rows(score)),
        "",
        "## Diagnoses",
        *(
            [
                f"- `{durations.signed(claim.after):>9}` {claim.who}: {claim.component}, {claim.family},"
                f" {claim.confidence:.0%} sure: {of_claim(claim)}"
                for claim in score.claims
            ]
            or ["nobody said what is broken"]
        ),
        "",
    ]


def _between(injects: Sequence[CameBetween]) -> list[str]:
    if not injects:
        return []
    lines = ["## What came in between"]
    for one in injects:
        lines.append(f"- `{one.when:>9}` {_line(one.what)}")
        lines += [f"  - a good answer holds: {_line(one.expects)}"] if one.expects else []
        lines += [f"  - {_line(answer)}" for answer in one.answers] or ["  - nobody answered"] * one.wanted
    return [*lines, ""]


def _line(text: str) -> str:
    """What people wrote, in one line: of several, one could look like an action item."""
    return " ".join(text.split())


def _what_follows(of: Debrief) -> list[str]:
    nothing = "none" if of.verdict.alerts_judged else "not judged: the target names no alerting"
    return [
        "## Gaps",
        *([f"- {gap}" for gap in of.score.gaps] or ["none was found"]),
        "",
        "## What happened",
        *(f"- `{when:>9}` {_line(what)}" for when, what in of.told),
        "",
        "## Alerts",
        *([f"- {outcome}: {name}{f': {why}' if why else ''}" for outcome, name, why in of.alerts] or [nothing]),
        "",
        "## Questions",
        *(f"{number}. {question}" for number, question in enumerate(QUESTIONS, 1)),
        "",
        "## Action items",
        "Write who and until when; what is open is shown when the next game day begins. `[?]` only suggests: it counts",
        "once you write an owner, or make it `[ ]`.",
        *(f"{action_items.OPEN}{_line(item)}" for item in of.items),
        *(f"{action_items.SUGGESTED}{gap} {action_items.NOBODYS}" for gap in of.suggested),
        f"{action_items.OPEN}{action_items.NOBODYS}",
        "",
        "## The seal",
        f"Shown before: `{of.commitment}`. Salt: `{of.seal.salt}`. `stormdrill gameday verify` recomputes it.",
        "",
    ]


def html(of: Debrief) -> str:
    """As one page that needs nothing else."""
    parts = [(part, *of_part(part)) for part in of.score.parts]
    claims = [(claim, of_claim(claim)) for claim in of.score.claims]
    return page(TEMPLATE, debrief=of, parts=parts, claims=claims, brier_means=BRIER_MEANS, questions=QUESTIONS)


def open_items(content: str) -> list[str]:
    """The action items of a debrief in Markdown that are open: what somebody wants, and nobody has ticked."""
    return action_items.read(content)
