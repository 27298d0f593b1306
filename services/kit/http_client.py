"""An HTTP client to one service behind us, bounded in time and connections."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Self

import httpx

from services.kit.deadline import remaining_seconds
from services.kit.problems import DependencyUnavailable


class HttpClient:
    """Sends requests to one service."""

    def __init__(self, dependency: str, base_url: str, timeout: timedelta, pool_max: int) -> None:
        self._dependency = dependency
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout.total_seconds(),
            # Our idle connections end before HAProxy's (its client time-out) would end them.
            limits=httpx.Limits(max_connections=pool_max, keepalive_expiry=4.0),
            # The proxy of a developer's machine has no business between two of our services.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def post(self, path: str, body: Mapping[str, object], headers: Mapping[str, str]) -> httpx.Response:
        """Send one request and return the answer, whatever it says short of a server's error.

        Waits up to the time-out, cut to the request's deadline. Raises DependencyUnavailable after
        that, when the service cannot be reached, and when it answers with 5xx.
        """
        try:
            # The client's own time-outs are per operation; a trickle would outlast them.
            async with asyncio.timeout(remaining_seconds(self._timeout)):
                response = await self._client.post(path, json=body, headers=headers)
        except (httpx.TransportError, TimeoutError) as error:
            raise DependencyUnavailable(self._dependency) from error
        if response.is_server_error:
            raise DependencyUnavailable(self._dependency)
        return response
