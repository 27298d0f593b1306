"""How much of each product there is, as inventory says."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import structlog

from services.kit.http.client import HttpClient
from services.kit.problems import DependencyUnavailable, Unavailable

_log = structlog.get_logger(__name__)

# A request line of inventory's server is 4 KiB at most, a sku 64 characters.
_SKUS_PER_REQUEST = 50


class _Level(msgspec.Struct):
    sku: str
    available: int


class _Levels(msgspec.Struct):
    stock: list[_Level]


_decoder = msgspec.json.Decoder(_Levels)


class Stock:
    """Asks inventory, for a page at a time."""

    def __init__(self, inventory: HttpClient, timeout: timedelta) -> None:
        self._inventory = inventory
        self._timeout_seconds = timeout.total_seconds()

    async def available(self, skus: Sequence[str]) -> dict[str, int] | None:
        """Return what is there of each product that is stocked, or None if inventory does not say in time."""
        parts = [skus[start : start + _SKUS_PER_REQUEST] for start in range(0, len(skus), _SKUS_PER_REQUEST)]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                levels = await asyncio.gather(*(self._ask(part) for part in parts))
        except (Unavailable, TimeoutError):
            return None
        return {level.sku: level.available for part in levels for level in part}

    async def _ask(self, skus: Sequence[str]) -> list[_Level]:
        # Skus need no quoting.
        path = "/stock?" + "&".join(f"sku={sku}" for sku in skus)
        response = await self._inventory.request("GET", path, idempotent=True)
        if response.status_code != 200:
            _log.error("inventory_misunderstood", status=response.status_code, body=response.text)
            raise DependencyUnavailable("inventory")
        return _decoder.decode(response.content).stock
