"""Products: read through the cache, from Postgres when the cache does not have them."""

import json
import random
from contextlib import suppress
from datetime import timedelta

from services.kit.postgres import Postgres
from services.kit.problems import NotFound
from services.kit.redis import Cache, CacheUnavailable


class Products:
    """Reads products."""

    def __init__(self, postgres: Postgres, cache: Cache, ttl: timedelta, ttl_jitter: float) -> None:
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
            cached = await self._cache.get(key)
        except CacheUnavailable:
            # Storing it would fail as slowly as looking it up did.
            return await self._read_from_postgres(sku)
        if cached is not None:
            return cached
        product = await self._read_from_postgres(sku)
        with suppress(CacheUnavailable):
            await self._cache.set(key, product, self._jittered_ttl())
        return product

    async def _read_from_postgres(self, sku: str) -> bytes:
        async with self._postgres.connection() as connection:
            cursor = await connection.execute("SELECT sku, name, price_cents FROM shop.products WHERE sku = %s", (sku,))
            row = await cursor.fetchone()
        if row is None:
            raise NotFound("unknown-product", f"there is no product {sku}")
        return json.dumps({"sku": row[0], "name": row[1], "price_cents": row[2]}).encode()

    def _jittered_ttl(self) -> timedelta:
        return self._ttl * random.uniform(1 - self._ttl_jitter, 1 + self._ttl_jitter)
