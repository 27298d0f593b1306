"""The Universal Scalability Law, X(N) = gN / (1 + a(N-1) + bN(N-1)), fitted to measured throughput. Pure.

g is what one alone does, a (contention) the share that all must do in turn, b (crosstalk) what each pays to agree with
each other. Divided into N, the law is linear in 1/g, a/g and b/g: N/X = (1 + a(N-1) + bN(N-1)) / g. So it is fitted
by least squares of relative errors, without a start value that could be wrong. Nothing keeps a or b above zero: a fit
that may not see less than nothing would always see some contention in noise, and its interval would be no interval.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from chaos.judge.claims import linear

RESAMPLES = 500
_LOWEST, _HIGHEST = 0.025, 0.975


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: so many workers answered so many requests a second."""

    size: float
    throughput: float


@dataclass(frozen=True, slots=True)
class Law:
    """A fitted law."""

    one_alone: float
    """g: requests a second of one worker."""
    contention: float
    """a: 0.05 means that twenty workers' worth is the most there will ever be."""
    crosstalk: float
    """b: above 0 there is a size from which more workers answer fewer requests."""

    def throughput(self, size: float) -> float:
        """Requests a second that it predicts of this size."""
        return self.one_alone * size / (1 + self.contention * (size - 1) + self.crosstalk * size * (size - 1))

    @property
    def most_useful_size(self) -> float:
        """The size from which more answer fewer; infinite without crosstalk."""
        return (
            math.sqrt((1 - self.contention) / self.crosstalk)
            if self.crosstalk > 0 and self.contention < 1
            else math.inf
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of one of a law's numbers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A law with how well it is known."""

    law: Law
    one_alone: Interval
    contention: Interval
    crosstalk: Interval
    worst: float
    """The largest relative distance between the law and a size's median: whether it is this law at all."""


def fit(measured: Sequence[Measured], seed: int = 1) -> Fit | None:
    """The law that fits best, with 95 % intervals; None where too little was measured to tell its numbers apart.

    That takes three sizes, and more measurements than numbers. The intervals are made of relative errors drawn anew
    (residual bootstrap), by `seed`, so that the same measurements give the same intervals.
    """
    law = _law(measured)
    if law is None or len(measured) < 4:
        return None
    # What is left over is smaller than the noise was, as three numbers were fitted to it; and how large that was is
    # itself estimated, for which Student's t has wider tails, by about this much.
    free = len(measured) - 3
    larger = math.sqrt(len(measured) / free) * (1 + 1.25 / free)
    errors = [larger * (one.throughput / law.throughput(one.size) - 1) for one in measured]
    middle = sum(errors) / len(errors)
    chance, drawn = random.Random(seed), []
    for _ in range(RESAMPLES):
        again = [
            Measured(one.size, law.throughput(one.size) * max(0.01, 1 + chance.choice(errors) - middle))
            for one in measured
        ]
        if (other := _law(again)) is not None:
            drawn.append(other)
    return Fit(
        law,
        _interval(law.one_alone, [other.one_alone for other in drawn]),
        _interval(law.contention, [other.contention for other in drawn]),
        _interval(law.crosstalk, [other.crosstalk for other in drawn]),
        _worst(law, measured),
    )


def _law(measured: Sequence[Measured]) -> Law | None:
    if any(one.throughput <= 0 for one in measured) or len({one.size for one in measured}) < 3:
        return None
    rows = [(1.0, one.size - 1, one.size * (one.size - 1)) for one in measured]
    solution = linear.of_relative_errors(rows, [one.size / one.throughput for one in measured])
    if solution is None or solution[0] <= 0:
        return None
    first, second, third = solution
    return Law(1 / first, second / first, third / first)


def _interval(value: float, drawn: Sequence[float]) -> Interval:
    ordered = sorted(drawn)
    if not ordered:
        return Interval(value, -math.inf, math.inf)
    last = len(ordered) - 1
    low, high = ordered[math.floor(_LOWEST * last)], ordered[math.ceil(_HIGHEST * last)]
    return Interval(value, min(low, value), max(high, value))


def _worst(law: Law, measured: Sequence[Measured]) -> float:
    sizes = {one.size for one in measured}
    medians = {size: median([one.throughput for one in measured if one.size == size]) for size in sizes}
    return max(abs(median / law.throughput(size) - 1) for size, median in medians.items())
