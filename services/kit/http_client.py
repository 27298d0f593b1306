"""An HTTP client to one service behind us, bounded in time and connections."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import httpx

from services.kit import deadline
from services.kit.bulkhead import Bulkhead
from services.kit.dependency import Dependency
from services.kit.instruments import Instruments
from services.kit.problems import DependencyUnavailable, Transient
from services.kit.settings import ResilienceSettings

# Our idle connections end before HAProxy's (its client time-out) would end them.
_IDLE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Remote:
    """A service behind us."""

    name: str
    url: str
    timeout: timedelta
    """Longest wait for one answer, all attempts to get it together."""
    pool_max: int
    """Requests at a time."""


class HttpClient:
    """Sends requests to one service."""

    def __init__(self, remote: Remote, settings: ResilienceSettings, instruments: Instruments) -> None:
        self._remote = remote
        self._dependency = Dependency(remote.name, settings, instruments)
        self._bulkhead: Bulkhead | None = None
        if settings.bulkhead:
            self._bulkhead = Bulkhead(
                remote.name, remote.pool_max, remote.timeout, instruments.services, instruments.tracer
            )
        self._client = httpx.AsyncClient(
            base_url=remote.url,
            timeout=remote.timeout.total_seconds(),
            # Whoever has a turn in the bulkhead finds a connection, so there is no second queue here.
            limits=httpx.Limits(
                max_connections=remote.pool_max if settings.bulkhead else None, keepalive_expiry=_IDLE_SECONDS
            ),
            # The proxy of a developer's machine has no business between two of our services.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    @property
    def is_open(self) -> bool:
        """Whether the service failed so often just now that a request would not even be sent."""
        return self._dependency.is_open()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool,
    ) -> httpx.Response:
        """Send a request and return the answer, whatever it says short of a server's error.

        Waits up to the time-out, cut to the request's deadline, for a turn and the answer; what is
        left of the deadline goes along. If it is idempotent, a connection that failed or an answer
        with 502 to 504 is followed by another attempt. Raises Overloaded if no turn came,
        DependencyUnavailable when the service does not answer, cannot be reached or answers with 5xx.
        """

        async def attempt() -> httpx.Response:
            async with self._turn():
                return await self._send(method, path, body, headers or {})

        return await self._dependency.call(attempt, repeat=idempotent)

    def _turn(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._bulkhead is None else self._bulkhead.turn()

    async def _send(
        self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        try:
            # The client's own time-outs are per operation; a trickle would outlast them.
            async with asyncio.timeout(deadline.remaining_seconds(self._remote.timeout)):
                response = await self._client.request(
                    method, path, json=body, headers={**headers, **deadline.to_headers()}
                )
        except (httpx.TimeoutException, TimeoutError) as error:
            raise DependencyUnavailable(self._remote.name) from error
        except httpx.TransportError as error:
            raise Transient(self._remote.name) from error
        if response.status_code in (502, 503, 504):
            raise Transient(self._remote.name)
        if response.is_server_error:
            raise DependencyUnavailable(self._remote.name)
        return response
