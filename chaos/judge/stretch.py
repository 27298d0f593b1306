"""Stretches of time: when something was so, from moments at which it was seen to be."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_JOINS = 1.5
"""Moments are of one stretch that lie no further apart, in evaluations: one may come late."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From its first moment to its last, in seconds since the run's start."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasted, as far as it was seen."""
        return self.end - self.start


def joined(moments: Iterable[float], step_seconds: float, looks: Sequence[float]) -> tuple[Stretch, ...]:
    """The stretches that these moments are of, where something is asked every `step_seconds`.

    It ended between two moments further apart only if somebody looked in between and did not see it; `looks` are all
    looks, in their order. Where nobody looked, nobody can say that it ended.
    """
    found: list[Stretch] = []
    for at in sorted(set(moments)):
        if found and not _ended(found[-1].end, at, step_seconds, looks):
            found[-1] = Stretch(found[-1].start, at)
        else:
            found.append(Stretch(at, at))
    return tuple(found)


def looked_after(at: float, step_seconds: float, looks: Sequence[float]) -> bool:
    """Whether somebody looked after this moment, late enough to have seen the next evaluation."""
    return bisect_right(looks, at + step_seconds / 2) < len(looks)


def overlap(one: Stretch, other: Stretch) -> float:
    """For how many seconds both were so."""
    return max(0.0, min(one.end, other.end) - max(one.start, other.start))


def _ended(last: float, at: float, step_seconds: float, looks: Sequence[float]) -> bool:
    if at - last <= _JOINS * step_seconds:
        return False
    # A look within half an evaluation of the last moment may have been answered before it.
    return bisect_right(looks, last + step_seconds / 2) < bisect_left(looks, at)
