"""Findings about one check, one alert or one panel: why its result is what it is, as a value."""

from enum import StrEnum
from typing import TypeAlias

from chaos.verdict.finding import Finding

# Of a check in a phase.


class PhaseNeverCame(Finding, frozen=True):
    """The run did not come to this phase."""


class RequestsTooFew(Finding, frozen=True):
    """So few requests say nothing about a share or a quantile."""

    number: int
    needed: int


class SamplesBroken(Finding, frozen=True):
    """So many of the samples break the bound."""

    number: int
    of: int


class SamplesMissing(Finding, frozen=True):
    """So many of the samples are missing; there may be none at all."""

    number: int
    of: int


class BackAfter(Finding, frozen=True):
    """It holds from so many seconds after the undo on."""

    seconds: float


class WatchedTooShort(Finding, frozen=True):
    """Users were not watched for long enough after the undo."""


class NotBack(Finding, frozen=True):
    """It does not hold again within so many seconds of the undo."""

    within: float


CheckFinding: TypeAlias = (
    PhaseNeverCame | RequestsTooFew | SamplesBroken | SamplesMissing | BackAfter | WatchedTooShort | NotBack
)

# Of an alert.


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


class OtherReceivers(Finding, frozen=True):
    """It was delivered, but not to the receiver that its route names."""

    receivers: list[str]


class NobodyTold(Finding, frozen=True):
    """It fired, and nobody was paged."""

    inhibited_by: list[str]
    """The alerts that inhibit it; empty: nothing arrived, and nothing says why."""


class DeliveredLate(Finding, frozen=True):
    """Its page came later than its window allows, in seconds since the injection."""

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


class MayFire(Finding, frozen=True):
    """The experiment says that it may fire, and it did."""

    told: list[str]
    """Receivers that were paged."""
    inhibited_by: list[str]


class MayFireDidNot(Finding, frozen=True):
    """The experiment says that it may fire, and it did not."""

    fired_before: bool
    """Whether it did so before the fault."""


class DidNotFire(Finding, frozen=True):
    """It was rightly quiet."""

    pending: float | None
    """For how long its condition was true at a stretch, in seconds; None: it never was."""


class Unseen(Finding, frozen=True):
    """It did not fire while Prometheus told; for so many seconds the fault itself kept it from telling."""

    seconds: float


AlertFinding: TypeAlias = (
    NoAlertEvidence
    | RuleNotRunning
    | NeverTrue
    | TrueTooShort
    | PageRefused
    | OtherReceivers
    | NobodyTold
    | DeliveredLate
    | NotUndone
    | CameAndWent
    | NotResolved
    | ResolvedLate
    | InTime
    | NotListed
    | Inhibited
    | MayFire
    | MayFireDidNot
    | DidNotFire
    | Unseen
)

# Of a panel.


class PanelUnread(Finding, frozen=True):
    """Prometheus did not answer the panel's queries."""

    error: str


class Incomparable(StrEnum):
    """Why a panel's lines before and during the fault cannot be compared."""

    NO_PHASES = "no_phases"
    """The run has no baseline, fault and undo."""
    TOO_SHORT = "too_short"
    """The phases are."""
    NO_NUMBERS = "no_numbers"
    """It shows none, or too few."""


class PanelIncomparable(Finding, frozen=True):
    """There is nothing to compare."""

    why: Incomparable


class LineMoved(Finding, frozen=True):
    """How far a line of the panel went from where it was."""

    line: str
    """Its labels."""
    low: float
    high: float
    """Its range in the baseline."""
    mean: float
    """During the fault."""
    widths: float
    """How far the mean is outside the range, in widths of it."""


class LineBecame(Finding, frozen=True):
    """A line that stood still in the baseline; `now` is its last other value, None where it stood still all along."""

    line: str
    was: float
    now: float | None


class LineAppeared(Finding, frozen=True):
    """A line that was not there in the baseline."""

    line: str
    now: float


class LineVanished(Finding, frozen=True):
    """A line that is not there during the fault."""

    line: str
    low: float
    high: float


PanelFinding: TypeAlias = PanelUnread | PanelIncomparable | LineMoved | LineBecame | LineAppeared | LineVanished
