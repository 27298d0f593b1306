"""Whether a process may be given requests: starting, serving, draining."""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import timedelta
from enum import Enum

import structlog
from prometheus_client import CollectorRegistry, Gauge

_log = structlog.get_logger(__name__)

_QUIET_SECONDS = 0.5
"""Without a request for so long, nobody sends any: HAProxy's checks are as far apart."""
_MOST_DELAYS = 2
"""How many drain delays may pass before the listener closes although requests still come."""
_CHECKED_WITHIN_SECONDS = 2.0
"""A process that was checked so lately is behind a load balancer that checks."""
_TOLD = 4
"""Checks that have to be told "not ready" then: HAProxy believes two, and each instance's backup checks as well."""
_LOOK_EVERY_SECONDS = 0.05


class State(Enum):
    """The three states, in the only order they are passed through."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Lifecycle:
    """One process's state and its number of open requests."""

    def __init__(self, drain_delay: timedelta, registry: CollectorRegistry, *, drains: bool = True) -> None:
        self.drains = drains
        """Whether SIGTERM is to call ``drain``; if not, the server ends as it does by itself."""
        self._drain_delay = drain_delay
        self.state = State.STARTING
        self._open_requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._latest_at = 0.0
        self._checked_at = -math.inf
        self._told = 0
        ready = Gauge("app_ready", "1 while requests are welcome.", registry=registry)
        ready.set_function(lambda: float(self.state is State.SERVING))

    def request_began(self, *, is_check: bool = False) -> None:
        """Count a request in; a health check says nothing of whether users are still sent here."""
        self._open_requests += 1
        if not is_check:
            self._latest_at = time.monotonic()
        self._idle.clear()

    def tell_ready(self) -> bool:
        """Whether requests are welcome, as somebody who checks is told now."""
        self._checked_at = time.monotonic()
        self._told += self.state is State.DRAINING
        return self.state is State.SERVING

    def request_ended(self) -> None:
        """Count a request out."""
        self._open_requests -= 1
        if self._open_requests == 0:
            self._idle.set()

    async def drain(self, close: Callable[[], None]) -> None:
        """Turn unready, serve on until load balancers have noticed, then finish what is open.

        They have noticed when the drain delay is over, no request came for half a second, and those that check
        have been told often enough: a load balancer that has no CPU sends nothing and checks nothing. Otherwise
        the delay is doubled and no more, for requests may be of a client that asks nobody. Calls ``close`` when no
        request is open. A second call does nothing. There is no time-out:
        the process manager has one.
        """
        if self.state is State.DRAINING:
            return
        checked = time.monotonic() - self._checked_at < _CHECKED_WITHIN_SECONDS
        self.state = State.DRAINING
        _log.info("draining", open_requests=self._open_requests)
        await self._unwanted(checked)
        await self._idle.wait()
        close()

    async def _unwanted(self, checked: bool) -> None:
        delay, began = self._drain_delay.total_seconds(), time.monotonic()
        latest = began + delay * _MOST_DELAYS
        while (now := time.monotonic()) < latest:
            left = max(began + delay, self._latest_at + _QUIET_SECONDS) - now
            if left <= 0 and (not checked or self._told >= _TOLD):
                return
            await asyncio.sleep(min(max(left, _LOOK_EVERY_SECONDS), latest - now))
