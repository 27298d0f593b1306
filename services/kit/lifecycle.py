"""Whether a process may be given requests: starting, serving, draining."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from enum import Enum

import structlog
from prometheus_client import CollectorRegistry, Gauge

_log = structlog.get_logger(__name__)


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
        ready = Gauge("app_ready", "1 while requests are welcome.", registry=registry)
        ready.set_function(lambda: float(self.state is State.SERVING))

    def request_began(self) -> None:
        """Count a request in."""
        self._open_requests += 1
        self._idle.clear()

    def request_ended(self) -> None:
        """Count a request out."""
        self._open_requests -= 1
        if self._open_requests == 0:
            self._idle.set()

    async def drain(self, close: Callable[[], None]) -> None:
        """Turn unready, serve on until load balancers have noticed, then finish what is open.

        Calls ``close`` when no request is open. A second call does nothing. There is no time-out:
        the process manager has one.
        """
        if self.state is State.DRAINING:
            return
        self.state = State.DRAINING
        _log.info("draining", open_requests=self._open_requests)
        await asyncio.sleep(self._drain_delay.total_seconds())
        await self._idle.wait()
        close()
