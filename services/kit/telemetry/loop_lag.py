"""How late the event loop is: what a blocking call on it costs every request."""

import asyncio
from contextlib import suppress
from typing import Self

from prometheus_client import CollectorRegistry, Histogram

_EVERY_SECONDS = 0.05
_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopLag:
    """Wakes up twenty times a second and notes by how much too late."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "app_event_loop_lag_seconds",
            "How late a timer of the event loop went off.",
            buckets=_BUCKETS_SECONDS,
            registry=registry,
        )

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY_SECONDS
            await asyncio.sleep(_EVERY_SECONDS)
            self._lag.observe(max(0.0, loop.time() - due))
