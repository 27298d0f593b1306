"""Whether a process may be given requests: starting, serving, draining."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from enum import Enum

import structlog
from prometheus_client import CollectorRegistry, Gauge

_log = structlog.get_logger(__name__)
_POLL_SECONDS = 0.02


class State(Enum):
    """The three states, in the only order they are passed through."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Lifecycle:
    """One process's state and its number of open requests."""

    def __init__(self, drain_delay: timedelta, registry: CollectorRegistry) -> None:
        self._drain_delay = drain_delay
        self.state = State.STARTING
        self.open_requests = 0
        ready = Gauge("app_ready", "1 while requests are welcome.", registry=registry)
        ready.set_function(lambda: float(self.state is State.SERVING))

    async def drain(self, close: Callable[[], None]) -> None:
        """Turn unready, serve on until load balancers have noticed, then finish what is open.

        Calls ``close`` when no request is open. A second call does nothing. There is no time-out:
        the process manager has one.
        """
        if self.state is State.DRAINING:
            return
        self.state = State.DRAINING
        _log.info("draining", open_requests=self.open_requests)
        await asyncio.sleep(self._drain_delay.total_seconds())
        while self.open_requests:
            await asyncio.sleep(_POLL_SECONDS)
        close()
