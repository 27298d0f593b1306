"""What becomes of the spans of one request in this process: all of them are kept, or none.

Every span is recorded, which is cheap. When the request's first span here ends it is known whether the request is
one of the share that is kept anyway, failed or was slow; then its spans are exported together, or forgotten. Of those
that failed or were slow so many a second are kept that they can be sent: in an outage all of them fail.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Generic, Protocol, TypeVar

from opentelemetry.sdk.trace.sampling import TraceIdRatioBased


class Decision(Enum):
    """What became of the spans, and why."""

    SAMPLED = "sampled"
    """In the share that is kept."""
    FAILED = "failed"
    """Outside the share, kept because the request failed."""
    SLOW = "slow"
    """Outside the share, kept because the request took long."""
    OVER_CAP = "over_cap"
    """Outside the share; failed or took long, when enough of such requests had been kept."""
    LEFT_OUT = "left_out"

    @property
    def keeps(self) -> bool:
        """Whether the spans are exported."""
        return self not in _FORGOTTEN


_FORGOTTEN = frozenset({Decision.OVER_CAP, Decision.LEFT_OUT})
# The first failures of an outage say most, so those of so many seconds may come at once.
_SAVED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Which traces are kept."""

    ratio: float
    """The share of all, from 0 to 1; chosen by the trace's id, so that every service chooses the same."""
    slow_after: timedelta
    """Requests that take at least this long are kept outside the share as well, as are those that fail."""
    most_per_second: float = math.inf
    """So many of these, on average; what is not used is saved for 5 s."""

    def samples(self, trace_id: int) -> bool:
        """Whether a trace that begins here is in the share."""
        return (trace_id & TraceIdRatioBased.TRACE_ID_LIMIT) < TraceIdRatioBased.get_bound_for_rate(self.ratio)


class Allowance:
    """How many requests outside the share may still be kept."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * _SAVED_SECONDS)
        self._left = self._most
        self._clock = clock
        self._looked_at = clock()

    def take(self) -> bool:
        """Whether one more may be kept; it is one less then."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._looked_at) * self._per_second)
        self._looked_at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class EndedSpan(Protocol):
    """What a recording asks of a span; spans know their recording, and it knows no more of them than this."""

    @property
    def has_failed(self) -> bool: ...


S = TypeVar("S", bound=EndedSpan)


class Recording(Generic[S]):
    """The spans of one request in this process, or of one piece of work that nobody asked for."""

    __slots__ = ("_allowance", "_decided", "_export", "_slow_seconds", "_spans", "_started", "decision", "sampled")

    def __init__(
        self,
        *,
        sampled: bool,
        slow_seconds: float,
        allowance: Allowance,
        export: Callable[[S], None],
        decided: Callable[[S, Decision], None],
    ) -> None:
        self.sampled = sampled
        self.decision: Decision | None = None
        self._slow_seconds = slow_seconds
        self._allowance = allowance
        self._export = export
        self._decided = decided
        self._spans: list[S] = []
        self._started = time.perf_counter()

    @property
    def is_kept(self) -> bool:
        """Whether it is already certain that the spans are exported."""
        return self.sampled or (self.decision is not None and self.decision.keeps)

    def ended(self, span: S, *, is_first: bool) -> None:
        """Take a span that has ended. With the first one it is decided, also for those that end after it."""
        if self.decision is None:
            self._spans.append(span)
            if is_first:
                self._decide(span)
        elif self.decision.keeps:
            self._export(span)

    def _decide(self, first: S) -> None:
        self.decision = decision = self._judge(first)
        self._decided(first, decision)
        spans, self._spans = self._spans, []
        if decision.keeps:
            for span in spans:
                self._export(span)

    def _judge(self, first: S) -> Decision:
        if self.sampled:
            return Decision.SAMPLED
        failed = first.has_failed
        if not failed and time.perf_counter() - self._started < self._slow_seconds:
            return Decision.LEFT_OUT
        if not self._allowance.take():
            return Decision.OVER_CAP
        return Decision.FAILED if failed else Decision.SLOW
