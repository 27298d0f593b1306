"""Products: read through the cache hierarchy, one or a page at a time; written to Postgres, then invalidated."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Self

from services.kit.cache.found import Found
from services.kit.cache.hierarchy import Cache
from services.kit.cache.metrics import CacheMetrics
from services.kit.postgres.database import Postgres
from services.kit.postgres.pool import Connection
from services.kit.problems import NotFound
from services.kit.redis.cluster import Redis
from services.kit.telemetry.instruments import Instruments
from services.shop import product
from services.shop.product import Page, Product
from services.shop.settings import ShopSettings


class Products:
    """Reads and writes products; answers are JSON, ready to be sent."""

    def __init__(self, postgres: Postgres, redis: Redis, settings: ShopSettings, instruments: Instruments) -> None:
        self._postgres = postgres
        self._pagination = settings.pagination
        metrics = CacheMetrics(instruments.registry)
        self._products = Cache("product", settings, redis, metrics)
        # Apart from the products, so that whoever walks through all pages does not push them out.
        self._pages = Cache("page", settings, redis, metrics)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for cache in (self._products, self._pages):
            await self._open.enter_async_context(cache)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def held(self, sku: str) -> Found | None:
        """Return the product if this process can answer at once and by itself; raises NotFound likewise."""
        found = self._products.held(self._products.key(sku))
        return None if found is None else _present(found, sku)

    async def read(self, sku: str) -> Found:
        """Return a product.

        Raises NotFound if there is none, Unavailable if only Postgres could say and it does not answer.
        """

        async def load() -> bytes | None:
            row = await self._postgres.run(lambda connection: _select(connection, sku))
            return None if row is None else product.encode(Product(*row))

        return _present(await self._products.read(self._products.key(sku), load), sku)

    async def page(self, after: str, limit: int) -> Found:
        """Return the first products after a sku, in its order; raises Unavailable as ``read`` does.

        Without pagination it is all there are. A page is invalidated by nothing but its time to live.
        """
        if not self._pagination:
            after, limit = "", 0

        async def load() -> bytes:
            rows = await self._postgres.run(lambda connection: _select_page(connection, after, limit))
            more = 0 < limit < len(rows)
            shown = [Product(*row) for row in (rows[:limit] if more else rows)]
            return product.encode(Page(shown, product.cursor_after(shown[-1].sku) if more else None))

        return await self._pages.read(self._pages.key(f"{limit}:{after}"), load)

    async def warm_up_is_ours(self, every: timedelta) -> bool:
        """Whether this instance is to warm up for all, as none has within that time; raises Unavailable."""
        return await self._products.claim("#warm-up", every)

    async def warm_up(self, most: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Have Redis keep each of the first products of which it has nothing, until told to stop.

        Raises Unavailable if Postgres or Redis does not answer.
        """
        read_at = time.time()
        rows = await self._postgres.run(lambda connection: _select_page(connection, "", most))
        for row in rows[:most]:
            if stop():
                return
            one = Product(*row)
            await self._products.keep(self._products.key(one.sku), product.encode(one), read_at)

    async def put(self, new: Product) -> bool:
        """Create or change a product; return whether it is new.

        Raises Unavailable if Postgres does not answer; the outcome is unknown then, and the same
        call may be made again.
        """
        try:
            return await self._postgres.transaction(lambda connection: _upsert(connection, new))
        finally:
            # Also after an error, for it may have been committed.
            await self._products.invalidate(self._products.key(new.sku))


def _present(found: Found, sku: str) -> Found:
    if found.entry.absent:
        raise NotFound("unknown-product", f"there is no product {sku}")
    return found


async def _select(connection: Connection, sku: str) -> tuple[Any, ...] | None:
    cursor = await connection.execute("SELECT sku, name, price_cents FROM shop.products WHERE sku = %s", (sku,))
    return await cursor.fetchone()


async def _select_page(connection: Connection, after: str, limit: int) -> list[tuple[Any, ...]]:
    # One more than asked for tells whether there is a next page. LIMIT NULL is none.
    cursor = await connection.execute(
        "SELECT sku, name, price_cents FROM shop.products WHERE sku > %s ORDER BY sku LIMIT %s",
        (after, limit + 1 if limit else None),
    )
    return await cursor.fetchall()


async def _upsert(connection: Connection, new: Product) -> bool:
    cursor = await connection.execute(
        "INSERT INTO shop.products (sku, name, price_cents) VALUES (%s, %s, %s)"
        " ON CONFLICT (sku) DO UPDATE SET name = excluded.name, price_cents = excluded.price_cents"
        # A row that replaces another has the transaction that did so in xmax.
        " RETURNING xmax = 0",
        (new.sku, new.name, new.price_cents),
    )
    row = await cursor.fetchone()
    assert row is not None
    return bool(row[0])
