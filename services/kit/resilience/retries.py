"""Repeating what failed quickly, as long as that does not make an outage worse."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import stamina
from stamina.instrumentation import set_on_retry_hooks

from services.kit.problems import Transient
from services.kit.resilience.deadline import remaining_seconds
from services.kit.telemetry.dependency_metrics import DependencySeries

T = TypeVar("T")

_ATTEMPTS = 3
# No single wait is worth more than a small share of a request's three seconds.
_LONGEST = timedelta(seconds=1)
_FIRST_PAUSE = timedelta(milliseconds=20)
_LONGEST_PAUSE = timedelta(milliseconds=200)
_JITTER = timedelta(milliseconds=30)

# stamina would count in the default registry and log each repetition; our own series count them.
set_on_retry_hooks([])


class RetryBudget:
    """Allows about one repetition for every ten successes, and ten at the start.

    Without it every caller repeats everything just when the dependency can bear it least: three
    attempts each are three times the load. The numbers are those of gRPC's retry throttling (gRFC A6).
    """

    _FULL = 10.0
    _REFUND = 0.1

    def __init__(self) -> None:
        self._tokens = self._FULL

    def take(self) -> bool:
        """Say whether one more repetition may be made, and note that it is."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def succeeded(self) -> None:
        """Note a success."""
        self._tokens = min(self._FULL, self._tokens + self._REFUND)


class Retries:
    """Repeats calls to one dependency, up to three attempts in all, with growing, jittered pauses."""

    def __init__(self, series: DependencySeries, *, enabled: bool) -> None:
        self._series = series
        self._enabled = enabled
        self._budget = RetryBudget()

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Return the operation's result; it must be safe to repeat.

        Only a Transient failure is repeated, within a second and the request's deadline; the last
        failure is raised.
        """
        try:
            result = await operation()
        except Transient as first:
            if not self._enabled or not self._may_repeat(first):
                raise
            result = await self._repeat(operation, first)
        self._budget.succeeded()
        return result

    async def _repeat(self, operation: Callable[[], Awaitable[T]], first: Transient) -> T:
        # stamina's machinery costs more than most calls here take, so the first attempt is made
        # without it, and its failure, already paid for from the budget, replayed to it.
        made = 1
        attempts = stamina.retry_context(
            on=lambda error: made == 1 or (made < _ATTEMPTS and self._may_repeat(error)),
            attempts=_ATTEMPTS,
            timeout=remaining_seconds(_LONGEST),
            wait_initial=_FIRST_PAUSE,
            wait_max=_LONGEST_PAUSE,
            wait_jitter=_JITTER,
        )
        async for attempt in attempts:
            with attempt:
                if attempt.num == 1:
                    raise first
                made = attempt.num
                self._series.repeated.inc()
                return await operation()
        raise AssertionError("stamina either returns or raises")

    def _may_repeat(self, error: Exception) -> bool:
        if not isinstance(error, Transient):
            return False
        allowed = self._budget.take()
        if not allowed:
            self._series.not_repeated.inc()
        return allowed
