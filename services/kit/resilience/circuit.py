"""A circuit breaker: a dependency that keeps failing is left alone for a moment."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from circuitbreaker import STATE_HALF_OPEN, CircuitBreaker  # type: ignore[import-untyped]  # it ships none

from services.kit.problems import CircuitOpen, DependencyUnavailable
from services.kit.telemetry.dependency_metrics import DependencySeries


class Circuit:
    """One dependency's circuit, or one node's of it.

    Opens after so many failures in a row and refuses calls for a while; then one call at a time is
    let through, and its success closes the circuit again. A call that is cancelled counts as neither.
    """

    def __init__(self, dependency: str, threshold: int, open_for: timedelta, series: DependencySeries) -> None:
        self._dependency = dependency
        self._series = series
        self._probing = False
        self._breaker = CircuitBreaker(
            failure_threshold=threshold,
            recovery_timeout=open_for.total_seconds(),
            expected_exception=_is_failure,
            name=dependency,
        )

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        return self._breaker.opened or self._probing

    @property
    def has_closed(self) -> bool:
        """Whether the dependency is trusted: since it last opened, if it ever did, a probe has succeeded."""
        return bool(self._breaker.closed)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Surround one call. Raises CircuitOpen instead of making it while the circuit is open."""
        if self.is_open:
            self._series.refused.inc()
            raise CircuitOpen(self._dependency)
        was_closed = self._breaker.closed
        # The library lets every call through as soon as the pause is over; from a dependency that
        # hangs each of them would have to wait for its time-out.
        self._probing = probe = self._breaker.state == STATE_HALF_OPEN
        try:
            yield
        except asyncio.CancelledError:
            # Its caller had less patience than the dependency is given: neither a failure nor a success. When it
            # counted as a failure, pages whose stock came late on a busy machine had orders refused.
            raise
        except BaseException:
            with self._breaker:
                raise
        else:
            with self._breaker:
                pass
        finally:
            if probe:
                self._probing = False
            if was_closed and self._breaker.opened:
                self._series.opened.inc()


def _is_failure(kind: type[BaseException], _error: BaseException) -> bool:
    # A refusal is an answer, and a shed call was never made.
    return issubclass(kind, DependencyUnavailable)
