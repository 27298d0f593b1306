"""What the judge asks of the recorded requests: who was hurt, how slow, how many, by whom served. Pure.

No requests is no data: shares and quantiles of nothing are None, never zero.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaos.facts.samples import Request, Tick
from chaos.spec.load import FEWEST_REQUESTS
from chaos.verdict.results import FrequentError

# Over which the rate is compared with the nominal one: long enough that one late tick is not a loss of load, short
# enough that a load that stumbles for two seconds cannot hide in a long phase.
RATE_SPAN_SECONDS = 5


class Phase(StrEnum):
    """Where a request lies relative to the fault."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


def phase_of(request: Request, injected: float, undone: float) -> Phase:
    """During, if it was in flight at any time while the fault was in place; else by its start.

    A request sent before the injection can be its victim, and one sent before the undo can fail long after it.
    """
    if request.at > undone:
        return Phase.AFTER
    return Phase.DURING if request.ended_at >= injected else Phase.BEFORE


def by_phase(requests: Iterable[Request], injected: float, undone: float) -> dict[Phase, list[Request]]:
    phases: dict[Phase, list[Request]] = {phase: [] for phase in Phase}
    for request in requests:
        phases[phase_of(request, injected, undone)].append(request)
    return phases


def window(requests: Iterable[Request], start: float, end: float) -> list[Request]:
    """Those in flight at any time in [start, end]."""
    return [request for request in requests if request.at <= end and request.ended_at >= start]


def started_in(requests: Iterable[Request], start: float, end: float) -> list[Request]:
    """Those sent in [start, end): adjoining spans share none of them."""
    return [request for request in requests if start <= request.at < end]


def failed_ratio(requests: Sequence[Request]) -> float | None:
    """Share of requests that were not ok. Unfinished ones count as failed: nobody saw them succeed."""
    return sum(not request.ok for request in requests) / len(requests) if requests else None


def most_frequent(requests: Iterable[Request]) -> FrequentError | None:
    """Of several that are as frequent, the one that came first; None where no request failed."""
    errors = Counter(request.error or "unknown" for request in requests if not request.ok)
    return FrequentError(*errors.most_common(1)[0], errors.total()) if errors else None


def quantile(requests: Sequence[Request], q: float) -> float | None:
    """Latency in seconds by nearest rank: the smallest that at least a share `q` of all requests does not exceed.

    Over all requests, failed ones included: a time-out took its user as long as it took. No interpolation, so the
    answer is a latency that some user had.
    """
    if not 0 < q <= 1:
        raise ValueError(f"q: must be in (0, 1], is {q}")
    took = sorted(request.took_seconds for request in requests)
    return took[math.ceil(q * len(took)) - 1] if took else None


def rate_per_second(requests: Iterable[Request], start: float, end: float) -> float:
    """Requests sent in [start, end), for each second of it."""
    return len(started_in(requests, start, end)) / (end - start)


def served_by(requests: Iterable[Request]) -> dict[str, int]:
    """Requests answered, for each instance named by the load balancer."""
    return dict(Counter(request.served_by for request in requests if request.served_by is not None))


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the run, by the start of its requests."""

    # The second [second, second + 1) since the run's origin.
    second: int
    sent: int
    failed: int
    p50_seconds: float
    p99_seconds: float


def per_second(requests: Iterable[Request]) -> list[Second]:
    """A row for each second in which a request was sent, in order."""
    rows: dict[int, list[Request]] = {}
    for request in requests:
        rows.setdefault(math.floor(request.at), []).append(request)
    return [_second(second, sent) for second, sent in sorted(rows.items())]


def _second(second: int, sent: Sequence[Request]) -> Second:
    p50_seconds, p99_seconds = quantile(sent, 0.5), quantile(sent, 0.99)
    assert p50_seconds is not None  # a row has requests
    assert p99_seconds is not None
    return Second(second, len(sent), sum(not request.ok for request in sent), p50_seconds, p99_seconds)


@dataclass(frozen=True, slots=True)
class RateHeld:
    """Whether the users kept coming at their rate. True as a condition if and only if they did."""

    held: bool
    # Seconds of the span without a tick: the load did not run, or stood still. Data missing, never held.
    missing_seconds: int
    # The mean rates of the slowest and the fastest 5 s; None if there was not a single tick.
    lowest_per_second: float | None
    highest_per_second: float | None

    def __bool__(self) -> bool:
        return self.held


def rate_held(
    ticks: Iterable[Tick], nominal_per_second: float, start: float, end: float, tolerance: float = 0.10
) -> RateHeld:
    """Compare each 5 s in a row that lie within [start, end] with the nominal rate.

    Of a rate of less than four they are as many seconds as FEWEST_REQUESTS take: one more or less is no loss.

    A tick counts if its whole second lies in the span. The tolerance is a share of the nominal rate. In a span that is
    shorter the mean of all its ticks is compared; one too short for a single tick is not held.
    """
    counted = sorted((tick for tick in ticks if tick.at - 1 >= start and tick.at <= end), key=lambda tick: tick.at)
    missing_seconds = _missing_seconds(counted, start, end)
    if not counted:
        return RateHeld(False, missing_seconds, None, None)
    width = min(max(RATE_SPAN_SECONDS, math.ceil(FEWEST_REQUESTS / nominal_per_second)), len(counted))
    rates = [
        sum(tick.started for tick in counted[first : first + width]) / width
        for first in range(len(counted) - width + 1)
    ]
    lowest, highest = min(rates), max(rates)
    margin = nominal_per_second * tolerance
    within = nominal_per_second - margin <= lowest and highest <= nominal_per_second + margin
    return RateHeld(within and not missing_seconds, missing_seconds, lowest, highest)


def _missing_seconds(ticks: Iterable[Tick], start: float, end: float) -> int:
    """Whole seconds of the span that no tick covers; the parts of a second at its two edges are none.

    Up to 1.5 s after the last tick are none either: asked of a load that still runs, its next tick may be on its way.
    """
    missing, covered_until = 0, start
    for tick in ticks:
        # Ticks are recorded to the microsecond, so that a gap of one second may read as a little less.
        missing += math.floor(tick.at - 1 - covered_until + 0.001)
        covered_until = tick.at
    rest_seconds = end - covered_until
    return missing + (math.floor(rest_seconds + 0.001) if rest_seconds > 1.5 else 0)
