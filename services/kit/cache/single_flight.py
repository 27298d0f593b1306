"""Work that many callers want at the same moment, done once for all of them."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from opentelemetry import trace

T = TypeVar("T")
F = TypeVar("F")


class Flight(Generic[T, F]):
    """Work under way, in a task of its own: a caller who leaves takes nothing from the others."""

    def __init__(self, fallback: F | None) -> None:
        self.fallback = fallback
        """What a caller may be given if the work fails or takes too long; the work may set it."""
        self.started = time.monotonic()
        self.span_context = trace.get_current_span().get_span_context()
        """Of the request that began it, for those of others who join."""
        self.detached = False
        """Nobody new joins it, because what it finds may be out of date."""
        self._task: asyncio.Task[T] | None = None

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start the work."""
        self._task = asyncio.create_task(work)
        return self._task

    async def wait(self, seconds: float) -> bool:
        """Wait for the end of the work, this long at most; say whether it has come."""
        assert self._task is not None
        done, _ = await asyncio.wait((self._task,), timeout=max(0.0, seconds))
        return bool(done)

    def result(self) -> T:
        """Return what came of the work that has ended, or raise its error."""
        assert self._task is not None
        return self._task.result()


class SingleFlight(Generic[T, F]):
    """The flights of one process, one for each key at most."""

    def __init__(self, *, shared: bool = True) -> None:
        self._shared = shared
        self._flights: dict[str, Flight[T, F]] = {}
        self._tasks: set[asyncio.Task[T]] = set()

    def find(self, key: str) -> Flight[T, F] | None:
        """Return the flight to join, if there is one."""
        return self._flights.get(key)

    def start(
        self, key: str, work: Callable[[Flight[T, F]], Coroutine[Any, Any, T]], fallback: F | None = None
    ) -> Flight[T, F]:
        """Start a flight that others may join."""
        flight: Flight[T, F] = Flight(fallback)
        if self._shared:
            self._flights[key] = flight
        task = flight.begin(work(flight))
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._land(key, flight, task))
        return flight

    def detach(self, key: str) -> None:
        """Let nobody join the present flight any more; those who wait for it get its result."""
        flight = self._flights.pop(key, None)
        if flight is not None:
            flight.detached = True

    async def close(self) -> None:
        """Cancel what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _land(self, key: str, flight: Flight[T, F], task: asyncio.Task[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        self._tasks.discard(task)
        # Reading the error of a flight whose callers have all left keeps asyncio from complaining.
        if not task.cancelled():
            task.exception()
