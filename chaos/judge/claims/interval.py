"""How far a number that was estimated from few rounds may be off."""

import math
import random
import statistics
from collections.abc import Sequence

from chaos.verdict.claims import Measure

CONFIDENCE = 0.95
_DRAWS = 1000
_SEED = 1
"""One and the same: the same recording gives the same verdict."""

_STUDENT = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t of 95 %, by degrees of freedom from two on; for more than there are here the last, which is wider."""
_OF_A_MEDIAN = math.sqrt(math.pi / 2)
"""By so much a median scatters more than a mean, if the noise is normal; of few values by less."""


def of(name: str, values: Sequence[float], unit: str = "") -> Measure | None:
    """The median of these values with the interval in which that of all rounds would lie with 95 % confidence.

    That is the wider of two at each end: the bootstrap's, and Student's for normal noise. What is drawn anew from three
    or five rounds lies within them, and the median of all does not in one case of four, or of sixteen.

    None where there are fewer than three values: from two nobody can say how far they scatter.
    """
    if len(values) < 3 or not all(map(math.isfinite, values)):
        return None
    chance, median = random.Random(_SEED), statistics.median
    drawn = [median(_again(values, chance)) for _ in range(_DRAWS)]
    return _measure(name, median(values), drawn, _student(len(values)) * _error(values), unit)


def of_ratio(name: str, above: Sequence[float], below: Sequence[float], unit: str = "") -> Measure | None:
    """The median of the one by the median of the other, with its interval; None as above, and where it divides by 0."""
    if min(len(above), len(below)) < 3 or not all(map(math.isfinite, (*above, *below))) or min(below) <= 0:
        return None
    chance, median = random.Random(_SEED), statistics.median
    drawn = [median(_again(above, chance)) / median(_again(below, chance)) for _ in range(_DRAWS)]
    value = median(above) / median(below)
    off = _student(min(len(above), len(below))) * math.hypot(_error(above), value * _error(below)) / median(below)
    return _measure(name, value, drawn, off, unit)


def _again(values: Sequence[float], chance: random.Random) -> list[float]:
    return chance.choices(values, k=len(values))


def _error(values: Sequence[float]) -> float:
    """How far their median is off, as a rule."""
    return _OF_A_MEDIAN * statistics.stdev(values) / math.sqrt(len(values))


def _student(count: int) -> float:
    return _STUDENT[min(count - 3, len(_STUDENT) - 1)]


def _measure(name: str, value: float, drawn: list[float], off: float, unit: str) -> Measure:
    ordered, beyond = sorted(drawn), (1 - CONFIDENCE) / 2
    low, high = (ordered[round((len(ordered) - 1) * share)] for share in (beyond, 1 - beyond))
    return Measure(name, value, min(low, value - off), max(high, value + off), unit)
