"""Claim 4: what more workers with a quota of the CPU are worth, by the Universal Scalability Law. Pure."""

from collections.abc import Iterable, Sequence
from statistics import median

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import LoadSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import scaling_law
from chaos.judge.claims.scaling_law import Fit, Interval, Measured
from chaos.verdict.claims import Line, Measure, Picture

INSTANCES, WORKERS = "instances", "workers"
"""Labels of a load: how many instances were asked, of how many workers each."""
THROTTLED = "throttled"
"""Reading, with the same labels: share of the periods in which a worker used up its quota, of the least busy one."""
BUSY, CORES = "busy", "cores"
"""Readings: cores of the machine that were busy meanwhile, with the same labels, and how many there are."""
MOST_BUSY = 0.97
"""Of the machine's cores: beyond, it may be the machine that is scarce, and not the workers."""


def measured(loads: Iterable[LoadSeen], most_p99: float) -> list[Measured] | None:
    """Throughput by how many workers there were in all; None where one was not served in time, or not well."""
    found = []
    for load in loads:
        p99 = histogram.quantile(load.latencies, 0.99)
        if load.failures or p99 is None or p99 > most_p99:
            return None
        found.append(Measured(_size(load), load.answered / load.lasted))
    return found


def is_undecided(fit: Fit | None, contention: float, crosstalk: float) -> bool:
    """Whether more rounds may tell what these bounds are asked for."""
    return fit is None or any(
        one.low < bound <= one.high for one, bound in ((fit.contention, contention), (fit.crosstalk, crosstalk))
    )


def measures(seen: ClaimRecording) -> Iterable[Measure]:
    """The law's numbers with their intervals; nothing where the throughput was not one at the p99 that is asked for."""
    loads = _loads(seen)
    if p99s := [p99 for load in loads if (p99 := histogram.quantile(load.latencies, 0.99)) is not None]:
        yield Measure.exact("longest_p99", max(p99s), "s")
    yield Measure.exact("failures", sum(load.failures for load in loads))
    yield Measure.exact("rounds", len({load.labels.get("round") for load in loads}))
    if throttled := seen.values(THROTTLED):
        yield Measure.exact("least_throttled", min(throttled))
    busy, cores = seen.values(BUSY), seen.values(CORES)
    if busy:
        yield Measure.exact("busiest", max(busy), "cores")
    found = measured(loads, seen.claim.number_of("p99"))
    fit = scaling_law.fit(found) if found else None
    if not found or fit is None or len(busy) < len(loads) or not cores or max(busy) > MOST_BUSY * cores[0]:
        return
    yield _of("contention", fit.contention)
    yield _of("crosstalk", fit.crosstalk)
    yield _of("one_worker", fit.one_alone, "/s")
    yield Measure.exact("furthest_from_the_law", fit.worst)
    largest = max(one.size for one in found)
    alone = median([one.throughput for one in found if one.size == 1])
    most = median([one.throughput for one in found if one.size == largest])
    yield Measure.exact(f"times_one_of_{largest:g}", most / alone)


def pictures(seen: ClaimRecording) -> Iterable[Picture]:
    """Every measurement, the law that was fitted, and what perfect scaling would be."""
    found = measured(_loads(seen), float("inf"))
    fit = scaling_law.fit(found) if found else None
    if not found or fit is None:
        return
    sizes = [one / 4 for one in range(4, 4 * round(max(each.size for each in found)) + 1)]
    yield Picture(
        title="Throughput by the workers, each of a tenth of a core",
        x="workers in all",
        y="requests a second",
        lines=[
            Line("measured", [(one.size, one.throughput) for one in found], dots=True),
            Line("Universal Scalability Law", [(size, fit.law.throughput(size)) for size in sizes]),
            Line("linear", [(size, fit.law.one_alone * size) for size in sizes]),
        ],
    )


def _loads(seen: ClaimRecording) -> Sequence[LoadSeen]:
    return [load for load in seen.all(LoadSeen) if INSTANCES in load.labels]


def _size(load: LoadSeen) -> float:
    return float(load.labels[INSTANCES]) * float(load.labels[WORKERS])


def _of(name: str, interval: Interval, unit: str = "") -> Measure:
    return Measure(name, interval.value, interval.low, interval.high, unit)
