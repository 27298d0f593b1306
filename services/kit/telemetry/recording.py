"""What becomes of the spans of one request in this process: all of them are kept, or none.

Every span is recorded, which is cheap. When the request's first span here ends it is known whether the request is
one of the share that is kept anyway, failed or was slow; then its spans are exported together, or forgotten.
"""

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
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Keeping:
    """Which traces are kept."""

    ratio: float
    """The share of all, from 0 to 1; chosen by the trace's id, so that every service chooses the same."""
    slow_after: timedelta
    """Requests that take at least this long are kept in any case, as are those that fail."""

    def samples(self, trace_id: int) -> bool:
        """Whether a trace that begins here is in the share."""
        return (trace_id & TraceIdRatioBased.TRACE_ID_LIMIT) < TraceIdRatioBased.get_bound_for_rate(self.ratio)


class EndedSpan(Protocol):
    """What a recording asks of a span; spans know their recording, and it knows no more of them than this."""

    @property
    def has_failed(self) -> bool: ...


S = TypeVar("S", bound=EndedSpan)


class Recording(Generic[S]):
    """The spans of one request in this process, or of one piece of work that nobody asked for."""

    __slots__ = ("_decided", "_export", "_slow_seconds", "_spans", "_started", "decision", "sampled")

    def __init__(
        self,
        *,
        sampled: bool,
        slow_seconds: float,
        export: Callable[[S], None],
        decided: Callable[[S, Decision], None],
    ) -> None:
        self.sampled = sampled
        self.decision: Decision | None = None
        self._slow_seconds = slow_seconds
        self._export = export
        self._decided = decided
        self._spans: list[S] = []
        self._started = time.perf_counter()

    @property
    def is_kept(self) -> bool:
        """Whether it is already certain that the spans are exported."""
        return self.sampled or self.decision not in (None, Decision.LEFT_OUT)

    def ended(self, span: S, *, is_first: bool) -> None:
        """Take a span that has ended. With the first one it is decided, also for those that end after it."""
        if self.decision is None:
            self._spans.append(span)
            if is_first:
                self._decide(span)
        elif self.decision is not Decision.LEFT_OUT:
            self._export(span)

    def _decide(self, first: S) -> None:
        self.decision = decision = self._judge(first)
        self._decided(first, decision)
        spans, self._spans = self._spans, []
        if decision is not Decision.LEFT_OUT:
            for span in spans:
                self._export(span)

    def _judge(self, first: S) -> Decision:
        if self.sampled:
            return Decision.SAMPLED
        if first.has_failed:
            return Decision.FAILED
        if time.perf_counter() - self._started >= self._slow_seconds:
            return Decision.SLOW
        return Decision.LEFT_OUT
