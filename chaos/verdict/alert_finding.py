"""Findings about one alert: why its outcome is what it is, as a value."""

from typing import TypeAlias

from chaos.verdict.finding import Finding


class NoAlertEvidence(Finding, frozen=True):
    """The run gave no evidence about it."""


class RuleNotRunning(Finding, frozen=True):
    """Prometheus does not run this rule, or not in good health."""


class NeverTrue(Finding, frozen=True):
    """Its condition was never true while the fault lasted."""


class TrueTooShort(Finding, frozen=True):
    """Its condition was true, but not for as long as its `for`."""


class PageRefused(Finding, frozen=True):
    """The pager refused it so many times; why the first time."""

    times: int
    why: str


class OtherLabels(Finding, frozen=True):
    """None with the labels that were asked for; these fired instead."""

    fired_with: list[dict[str, str]]


class TooFew(Finding, frozen=True):
    """Fewer instances than the window asks for."""

    number: int
    count: str


class TrueBeforeFault(Finding, frozen=True):
    """Its condition was true before the fault, for so many seconds."""

    seconds: float


class TrueAfterUndo(Finding, frozen=True):
    """Its condition came true only so many seconds after the undo."""

    seconds: float


class FiredBefore(Finding, frozen=True):
    """It fired when the baseline began, and again."""


class FiredAgain(Finding, frozen=True):
    """It fired again after its resolution had been told, so many seconds after the injection."""

    seconds: float


class PendingAtEnd(Finding, frozen=True):
    """Its condition was true for so many seconds when the run ended."""

    seconds: float
    hold: float | None
    """Its `for`; None where it is not known."""


class Silenced(Finding, frozen=True):
    """A silence or a mute interval kept it from being told."""


class NotOurs(Finding, frozen=True):
    """By its labels it is no business of this target's."""

    paged: bool
    """Whether somebody was told."""


class OtherReceivers(Finding, frozen=True):
    """It was delivered, but not to the receiver that its route names."""

    receivers: list[str]


class NotReached(Finding, frozen=True):
    """Receivers to whom it is routed, and who were not told."""

    receivers: list[str]


class ResolutionNotSent(Finding, frozen=True):
    """Its receiver is configured to be told of no resolution."""

    receiver: str


class NobodyTold(Finding, frozen=True):
    """It fired, and nobody was paged."""

    inhibited_by: list[str]
    """The alerts that inhibit it; empty: nothing arrived, and nothing says why."""


class DeliveredLate(Finding, frozen=True):
    """Its page came later than its window allows, in seconds since the injection."""

    seconds: float
    within: float


class NotDueYet(Finding, frozen=True):
    """A player ended the fault so many seconds after the injection, and its window had not passed."""

    seconds: float
    within: float


class NotUndone(Finding, frozen=True):
    """The fault was not undone, so that nothing could resolve."""


class CameAndWent(Finding, frozen=True):
    """It resolved while the fault lasted, and the pager was told nothing since."""


class NotResolved(Finding, frozen=True):
    """No resolved message arrived after the undo."""


class ResolvedLate(Finding, frozen=True):
    """Its resolved message came later than its window allows, in seconds since the undo."""

    seconds: float
    within: float


class InTime(Finding, frozen=True):
    """It fired, was delivered and resolved in time."""


class NotListed(Finding, frozen=True):
    """It fired, and the experiment does not list it."""


class Inhibited(Finding, frozen=True):
    """It fired unlisted, and nobody was paged for the sake of these alerts."""

    by: list[str]


class InhibitedInPart(Finding, frozen=True):
    """It fired unlisted and nobody was paged, though for so many seconds none of these kept its page back."""

    by: list[str]
    free_seconds: float


class MayFire(Finding, frozen=True):
    """The experiment says that it may fire, and it did."""

    told: list[str]
    """Receivers that were paged."""
    inhibited_by: list[str]
    pending: bool = False
    """Whether it was only about to."""


class MayFireDidNot(Finding, frozen=True):
    """The experiment says that it may fire, and it did not."""

    fired_before: bool
    """Whether it did so before the fault."""


class DidNotFire(Finding, frozen=True):
    """It was rightly quiet."""

    pending: float | None
    """For how long its condition was true at a stretch, in seconds; None: it never was."""


class NotEvaluated(Finding, frozen=True):
    """Its rule was not evaluated for a while."""


class InputUnknown(Finding, frozen=True):
    """Prometheus did not tell whether these selectors of its rule had series."""

    selectors: list[str]


class NoInput(Finding, frozen=True):
    """Its rule had something to look at in the baseline, and nothing while the fault was held."""

    selectors: list[str]


class Unseen(Finding, frozen=True):
    """It did not fire while Prometheus told; for so many seconds the fault itself kept it from telling."""

    seconds: float


AlertFinding: TypeAlias = (
    NoAlertEvidence
    | RuleNotRunning
    | NeverTrue
    | TrueTooShort
    | OtherLabels
    | TooFew
    | TrueBeforeFault
    | TrueAfterUndo
    | FiredBefore
    | FiredAgain
    | PendingAtEnd
    | Silenced
    | InhibitedInPart
    | PageRefused
    | OtherReceivers
    | NotReached
    | ResolutionNotSent
    | NobodyTold
    | DeliveredLate
    | NotDueYet
    | NotUndone
    | CameAndWent
    | NotResolved
    | ResolvedLate
    | InTime
    | NotListed
    | NotOurs
    | Inhibited
    | MayFire
    | MayFireDidNot
    | DidNotFire
    | NotEvaluated
    | NoInput
    | InputUnknown
    | Unseen
)
