"""Work that an instance does again and again beside its requests."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Self

import structlog
from prometheus_client import Counter

from services.kit.problems import Unavailable

_log = structlog.get_logger(__name__)

# Instances that started together would otherwise all do it at the same moment.
_JITTER = 0.3


class Periodic:
    """Does its work at once and then every so often while it is entered; one that fails is counted and logged."""

    def __init__(self, name: str, work: Callable[[], Awaitable[object]], every: timedelta, failures: Counter) -> None:
        self._name = name
        self._work = work
        self._every = every
        self._failures = failures
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._go_on_and_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop after what is being done; that ends by its own time-outs, or sooner if it looks at `leaving`."""
        self._leaving.set()
        if self._task is not None:
            await self._task

    @property
    def leaving(self) -> bool:
        """Whether the work is to come to its end."""
        return self._leaving.is_set()

    async def _go_on_and_on(self) -> None:
        while not self.leaving:
            try:
                await self._work()
            except Unavailable as error:
                self._failures.inc()
                _log.warning(f"{self._name}_failed", error=error.detail)
            except Exception:
                # A mistake of ours in one of them must not be the silent end of all later ones.
                self._failures.inc()
                _log.exception(f"{self._name}_broken")
            with suppress(TimeoutError):
                pause = self._every.total_seconds() * random.uniform(1 - _JITTER, 1 + _JITTER)
                await asyncio.wait_for(self._leaving.wait(), pause)
