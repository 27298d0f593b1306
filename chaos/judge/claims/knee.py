"""Where a system's knee is: the highest rate that it still carries, and which rate to try next. Pure.

A rate is carried when what was offered was answered, and answered in time by latencies that count from the intended
moment of sending. Behind the knee a queue grows for as long as the rate lasts, so that both fail within seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ANSWERED = 0.97
"""Of what was offered. A queue that grows leaves more than that unanswered in a few seconds."""
_GROWS = 1.6
"""From one rate to the next while none was too much."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rate that was tried."""

    offered: float
    """Requests a second that were intended."""
    answered: float
    """Requests a second that were answered well while the rate lasted."""
    p99_seconds: float
    """From the intended moment of sending."""
    failed: int = 0


def carried(step: Step, within_seconds: float) -> bool:
    """Whether the system carried this rate."""
    return step.failed == 0 and step.answered >= ANSWERED * step.offered and step.p99_seconds <= within_seconds


def next_rate(steps: Sequence[Step], first: float, within_seconds: float, exactness: float) -> float | None:
    """The rate to try next: `first`, then more by growing steps, then between what was carried and what was not.

    None when the two are within `exactness` of each other (0.05 is 5 %).
    """
    if not steps:
        return first
    too_much = min((step.offered for step in steps if not carried(step, within_seconds)), default=None)
    # A rate that was carried above one that was not says that the machine was disturbed: the lower one counts.
    well = [step.offered for step in steps if carried(step, within_seconds)]
    below = max((rate for rate in well if too_much is None or rate < too_much), default=None)
    if too_much is None:
        return _GROWS * max(well)
    if below is None:
        return too_much / _GROWS
    return None if too_much <= (1 + exactness) * below else (too_much * below) ** 0.5


def knee(steps: Sequence[Step], within_seconds: float) -> tuple[float, float] | None:
    """The highest rate that was carried and the lowest that was not: the knee is between; None where one is missing."""
    too_much = min((step.offered for step in steps if not carried(step, within_seconds)), default=None)
    if too_much is None:
        return None
    below = [step.offered for step in steps if carried(step, within_seconds) and step.offered < too_much]
    return (max(below), too_much) if below else None
