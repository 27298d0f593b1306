"""Times of requests, counted in buckets of one percent: as many as there were, in a few hundred numbers."""

import math
from collections import Counter
from collections.abc import Iterable

STEP = 1.01
"""A bucket's end by its beginning."""
LEAST = 1e-6
"""Seconds: what is shorter is taken for as long."""

Buckets = list[tuple[int, int]]
"""Bucket and how many there are in it, ascending."""


def bucket(seconds: float) -> int:
    """The number of the bucket that holds this time."""
    return 0 if seconds <= LEAST else math.ceil(math.log(seconds / LEAST) / _LOG_STEP - 1e-9)


def end(number: int) -> float:
    """The longest time of a bucket, in seconds: a percentile is never said to be shorter than it was."""
    return float(LEAST * STEP**number)


def of(times: Iterable[float]) -> Buckets:
    """These times in seconds, counted."""
    return sorted(Counter(map(bucket, times)).items())


def merged(parts: Iterable[Buckets]) -> Buckets:
    """All of several counts."""
    total: Counter[int] = Counter()
    for part in parts:
        for number, count in part:
            total[number] += count
    return sorted(total.items())


def count(buckets: Buckets) -> int:
    """How many times were counted."""
    return sum(times for _, times in buckets)


def quantile(buckets: Buckets, share: float) -> float | None:
    """The time in seconds that this share of all did not exceed, at most one percent too long; None of none."""
    wanted, seen = share * count(buckets), 0
    for number, times in buckets:
        seen += times
        if seen >= wanted - 1e-9:
            return end(number)
    return None


def mean(buckets: Buckets) -> float | None:
    """Their mean in seconds, at most one percent too long; None of none."""
    total = count(buckets)
    return math.fsum(end(number) * times for number, times in buckets) / total if total else None


_LOG_STEP = math.log(STEP)
