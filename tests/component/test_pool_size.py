"""However much is asked of the stack at once, Postgres never sees more connections than the pools allow."""

import asyncio
import random
import time
from collections import Counter
from uuid import uuid4

import httpx
import psycopg
import pytest

from compose.config.programs import postgres_dsn

pytestmark = pytest.mark.stack

POOL_MAX = 10
USERS = 300
SECONDS = 5.0
ENDED_WITHIN_SECONDS = 1.5


async def use(client, ends_at):
    """One user: three reads of any product for each order, without a pause."""
    statuses = Counter()
    while time.monotonic() < ends_at:
        for _ in range(3):
            answer = await client.get(f"/products/sku-{random.randint(1, 1000):04d}")
            statuses["read", answer.status_code] += 1
        body = {"sku": f"sku-{random.randint(1, 1000):04d}", "quantity": 1}
        answer = await client.post("/orders", json=body, headers={"idempotency-key": str(uuid4())})
        statuses["order", answer.status_code] += 1
    return statuses


async def watch(observer, busy):
    """The most connections of each instance while the load goes on, at one moment, and of those that stay."""
    most, most_that_stay, looks = Counter(), Counter(), []
    while not busy.done():
        cursor = await observer.execute(
            "SELECT application_name, pid FROM pg_stat_activity WHERE application_name ~ '^(shop|inventory)-[0-9]$'"
        )
        now, seen = time.monotonic(), set(await cursor.fetchall())
        looks = [look for look in looks if now - look[0] < 2 * ENDED_WITHIN_SECONDS] + [(now, seen)]
        most |= Counter(name for name, _ in seen)
        before = [look for at, look in looks if now - at >= ENDED_WITHIN_SECONDS]
        most_that_stay |= Counter(name for name, _ in seen.intersection(*before[-1:])) if before else Counter()
        await asyncio.sleep(0.05)
    return most, most_that_stay


async def mixed_load(stack):
    limits = httpx.Limits(max_connections=USERS)
    dsn = postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    async with (
        httpx.AsyncClient(base_url=stack.url("shop"), timeout=30, limits=limits) as client,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as observer,
    ):
        ends_at = time.monotonic() + SECONDS
        busy = asyncio.gather(*(use(client, ends_at) for _ in range(USERS)))
        most, most_that_stay = await watch(observer, busy)
        return most, most_that_stay, sum(await busy, Counter())


def test_a_mixed_load_of_many_users_stays_within_the_pools(stack):
    most, most_that_stay, statuses = asyncio.run(mixed_load(stack))
    # Every instance was reached, and none had more than its pool.
    assert set(most_that_stay) == set(most) == {"shop-1", "shop-2", "shop-3", "inventory-1", "inventory-2"}
    assert max(most_that_stay.values()) <= POOL_MAX, most_that_stay
    # One that is given up as it takes too long is replaced before Postgres has noticed; each of them once at a time.
    assert max(most.values()) <= 2 * POOL_MAX, most
    # What is too much is refused properly; nothing else goes wrong.
    assert {status for _, status in statuses} <= {200, 201, 503}, statuses
    assert statuses["read", 200] > statuses["read", 503], statuses
    assert statuses["order", 201] > 0, statuses
