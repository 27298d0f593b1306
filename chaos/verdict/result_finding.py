"""Findings about one check or one panel: why its result is what it is, as a value."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

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
    error: str = ""
    """What Prometheus said instead, in its own words; empty where it answered."""
    series: list[str] = msgspec.field(default_factory=list)
    """The first of several series that came instead of one number."""
    several: int = 0
    """How many there were."""


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
