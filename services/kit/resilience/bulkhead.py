"""A bulkhead: so many calls to one dependency at a time, and a bounded wait for a turn."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio

from services.kit.problems import Overloaded
from services.kit.resilience.deadline import remaining_seconds
from services.kit.telemetry.pool_metrics import PoolMetrics, PoolState
from services.kit.telemetry.spans import span


class Bulkhead:
    """Turns to use one of a pool's connections."""

    def __init__(self, name: str, size: int, max_wait: timedelta, metrics: PoolMetrics) -> None:
        self._name = name
        self._max_wait = max_wait
        self._limiter = anyio.CapacityLimiter(size)
        # Waiters beyond this could not be served within the longest wait even if every call took no
        # more than a hundredth of it.
        self._max_waiting = size * 100
        self._series = metrics.pool(name, size, self._look)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one turn.

        Waits for it up to the longest wait, cut to the request's deadline; raises Overloaded after
        that, and at once where too many wait already.
        """
        # Not the task, which is what the limiter goes by itself: one task may hold several turns.
        holder = object()
        await self._take(holder)
        try:
            yield
        finally:
            self._limiter.release_on_behalf_of(holder)

    async def _take(self, holder: object) -> None:
        try:
            self._limiter.acquire_on_behalf_of_nowait(holder)
            self._series.waited(0.0)
        except anyio.WouldBlock:
            await self._wait(holder)

    async def _wait(self, holder: object) -> None:
        limit = remaining_seconds(self._max_wait)
        if self._limiter.statistics().tasks_waiting >= self._max_waiting:
            limit = 0.0
        started = time.perf_counter()
        with span(f"{self._name}.pool.wait"):
            try:
                async with asyncio.timeout(limit):
                    await self._limiter.acquire_on_behalf_of(holder)
            except TimeoutError as error:
                self._series.timed_out()
                raise Overloaded(self._name) from error
            finally:
                self._series.waited(time.perf_counter() - started)

    def _look(self) -> PoolState:
        seen = self._limiter.statistics()
        return PoolState(idle=0, used=seen.borrowed_tokens, waiting=seen.tasks_waiting)
