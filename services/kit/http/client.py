"""An HTTP client to one service behind us, bounded in time and connections."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from urllib.parse import urlsplit

import httpx
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.kit.problems import DependencyUnavailable, Transient
from services.kit.resilience import deadline
from services.kit.resilience.bulkhead import Bulkhead
from services.kit.resilience.dependency import Dependency
from services.kit.settings import ResilienceSettings
from services.kit.telemetry import request_id
from services.kit.telemetry.instruments import Instruments
from services.kit.telemetry.spans import span

# Our idle connections end before HAProxy's (its client time-out) would end them.
_IDLE_SECONDS = 4.0
_PROPAGATOR = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Remote:
    """A service behind us."""

    name: str
    url: str
    timeout: timedelta
    """Longest wait for one answer, all attempts to get it together."""
    pool_max: int
    """Requests at a time."""
    answers: tuple[tuple[str, int], ...] = ()
    """Methods, and statuses they may be answered with: their series are to be there from the start."""


class HttpClient:
    """Sends requests to one service."""

    def __init__(self, remote: Remote, settings: ResilienceSettings, instruments: Instruments) -> None:
        self._remote = remote
        self._dependency = Dependency(remote.name, settings, instruments)
        self._requests = instruments.clients.service(remote.name, remote.answers)
        address = urlsplit(remote.url)
        self._about = {"server.address": address.hostname, "server.port": address.port, "peer.service": remote.name}
        self._bulkhead: Bulkhead | None = None
        if settings.bulkhead:
            self._bulkhead = Bulkhead(remote.name, remote.pool_max, remote.timeout, instruments.services)
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
        about = {**self._about, "http.request.method": method, "url.full": f"{self._remote.url}{path}"}
        with span(method, about, SpanKind.CLIENT) as current:
            limit_seconds = deadline.remaining_seconds(self._remote.timeout)
            response = await self._exchange(method, path, body, headers, limit_seconds)
            current.set_attribute("http.response.status_code", response.status_code)
            if response.is_error:
                current.set_attribute("error.type", str(response.status_code))
                current.set_status(StatusCode.ERROR)
            return self._believed(response)

    async def _exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
        limit_seconds: float,
    ) -> httpx.Response:
        started = time.perf_counter()
        passed_on = {**headers, **deadline.to_headers(), **request_id.to_headers()}
        _PROPAGATOR.inject(passed_on)
        try:
            # The client's own time-outs are per operation; a trickle would outlast them.
            async with asyncio.timeout(limit_seconds):
                response = await self._client.request(method, path, json=body, headers=passed_on)
        except (httpx.TransportError, TimeoutError, asyncio.CancelledError) as error:
            self._requests.failed(method, error, time.perf_counter() - started)
            if isinstance(error, asyncio.CancelledError):
                raise
            timed_out = isinstance(error, httpx.TimeoutException | TimeoutError)
            raise (DependencyUnavailable if timed_out else Transient)(self._remote.name) from error
        self._requests.answered(method, response.status_code, time.perf_counter() - started)
        return response

    def _believed(self, response: httpx.Response) -> httpx.Response:
        if response.status_code in (502, 503, 504):
            raise Transient(self._remote.name)
        if response.is_server_error:
            raise DependencyUnavailable(self._remote.name)
        return response
