"""Products: read through the cache, from Postgres when the cache does not have them."""

import json
import random
from contextlib import suppress
from datetime import timedelta
from typing import cast

from services.kit.postgres import Postgres
from services.kit.postgres_pool import Connection
from services.kit.problems import NotFound, Unavailable
from services.kit.redis import Redis


class Products:
    """Reads products."""

    def __init__(self, postgres: Postgres, cache: Redis, ttl: timedelta, ttl_jitter: float) -> None:
        self._postgres = postgres
        self._cache = cache
        self._ttl = ttl
        self._ttl_jitter = ttl_jitter

    async def read(self, sku: str) -> bytes:
        """Return a product as JSON.

        Raises NotFound if there is none, DependencyUnavailable if only Postgres could say and it
        does not answer.
        """
        key = f"cache:product:{sku}"
        try:
            cached = cast(bytes | None, await self._cache.run(key, lambda cluster: cluster.get(key)))
        except Unavailable:
            # Storing it would fail as slowly as looking it up did.
            return await self._read_from_postgres(sku)
        if cached is not None:
            return cached
        product = await self._read_from_postgres(sku)
        with suppress(Unavailable):
            await self._cache.run(key, lambda cluster: cluster.set(key, product, px=self._jittered_ttl()))
        return product

    async def _read_from_postgres(self, sku: str) -> bytes:
        async def select(connection: Connection) -> tuple[str, str, int] | None:
            cursor = await connection.execute("SELECT sku, name, price_cents FROM shop.products WHERE sku = %s", (sku,))
            return await cursor.fetchone()

        row = await self._postgres.run(select)
        if row is None:
            raise NotFound("unknown-product", f"there is no product {sku}")
        return json.dumps({"sku": row[0], "name": row[1], "price_cents": row[2]}).encode()

    def _jittered_ttl(self) -> timedelta:
        return self._ttl * random.uniform(1 - self._ttl_jitter, 1 + self._ttl_jitter)
