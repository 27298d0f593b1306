"""How far a number that was estimated from few rounds may be off."""

import math
import random
import statistics
from collections.abc import Callable, Sequence

from chaos.verdict.claims import Measure

CONFIDENCE = 0.95
_DRAWS = 1000
_SEED = 1
"""One and the same: the same recording gives the same verdict."""

Statistic = Callable[[Sequence[float]], float]


def of(name: str, values: Sequence[float], unit: str = "", statistic: Statistic = statistics.median) -> Measure | None:
    """A statistic of these values with the interval in which it lies with 95 % confidence, by the bootstrap.

    None where there are fewer than three values: from two nobody can say how far they scatter.
    """
    if len(values) < 3 or not all(map(math.isfinite, values)):
        return None
    chance = random.Random(_SEED)
    return _measure(name, statistic(values), [statistic(_again(values, chance)) for _ in range(_DRAWS)], unit)


def of_ratio(name: str, above: Sequence[float], below: Sequence[float], unit: str = "") -> Measure | None:
    """The median of the one by the median of the other, with its interval; None as above, and where it divides by 0."""
    if min(len(above), len(below)) < 3 or not all(map(math.isfinite, (*above, *below))) or min(below) <= 0:
        return None
    chance, median = random.Random(_SEED), statistics.median
    drawn = [median(_again(above, chance)) / median(_again(below, chance)) for _ in range(_DRAWS)]
    return _measure(name, statistics.median(above) / statistics.median(below), drawn, unit)


def _again(values: Sequence[float], chance: random.Random) -> list[float]:
    return chance.choices(values, k=len(values))


def _measure(name: str, value: float, drawn: list[float], unit: str) -> Measure:
    ordered, beyond = sorted(drawn), (1 - CONFIDENCE) / 2
    low, high = (ordered[round((len(ordered) - 1) * share)] for share in (beyond, 1 - beyond))
    return Measure(name, value, min(low, value), max(high, value), unit)
