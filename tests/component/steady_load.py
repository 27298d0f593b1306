"""Requests at a steady rate in the background, each with its outcome."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

Send = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


@dataclass
class SteadyLoad:
    """What was sent and what came back."""

    url: str
    per_second: float
    send: Send
    outcomes: Counter[str] = field(default_factory=Counter)
    """Status or kind of failure → how often."""
    refusals: list[str] = field(default_factory=list)
    """What was said where the answer was no success."""
    _ending: threading.Event = field(default_factory=threading.Event)

    @property
    def sent(self):
        return sum(self.outcomes.values())

    @property
    def failed(self):
        return sum(number for outcome, number in self.outcomes.items() if not outcome.startswith("2"))

    async def run(self):
        """Send until told to end, then wait for what is open."""
        began = time.monotonic()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=200, keepalive_expiry=5)
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=8, limits=limits) as client,
            asyncio.TaskGroup() as open_,
        ):
            number = 0
            while not self._ending.is_set():
                open_.create_task(self._one(client, number))
                number += 1
                # A slot of its own for each, so that slow answers do not slow the load down.
                await asyncio.sleep(max(0.0, began + number / self.per_second - time.monotonic()))

    async def _one(self, client, number):
        try:
            response = await self.send(client, number)
            self.outcomes[str(response.status_code)] += 1
            if not response.is_success:
                self.refusals.append(f"{response.request.method} {response.request.url.path}: {response.text}")
        except httpx.TransportError as error:
            self.outcomes[type(error).__name__] += 1

    def end(self):
        self._ending.set()


@contextmanager
def steady_load(url, per_second, send):
    """Load while the block runs; the outcomes are complete when it ends."""
    load = SteadyLoad(url, per_second, send)
    thread = threading.Thread(target=lambda: asyncio.run(load.run()))
    thread.start()
    try:
        yield load
    finally:
        load.end()
        thread.join(20)
