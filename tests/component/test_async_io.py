"""Nothing blocks the event loop: while one request waits for Postgres, the others are served."""

import asyncio
import re
import time
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest

from tests.instances import own_instance
from tests.toxics import toxic

pytestmark = pytest.mark.stack

LATENCY_MS = 600
# Half of what a blocking call would take. Long against what a busy machine makes of a short step.
BLOCKED_SECONDS = LATENCY_MS / 2000
SLOW_CALLBACK = re.compile(r"Executing <.{1,4000}?> took (\d+\.\d+) seconds")


@contextmanager
def watched_shop(stack, **switches):
    # asyncio's debug mode reports every step of the event loop that takes longer than 0.1 s.
    with own_instance(stack, PYTHONASYNCIODEBUG="1", SHOP_POSTGRES_QUERY_TIMEOUT="2s", **switches) as shop:
        yield shop


async def load(url, tag, first=700):
    """Reads of products nobody has cached, and orders; return the longest answer of /healthz meanwhile in seconds."""
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        reads = [client.get(f"/products/sku-{number:04d}") for number in range(first, first + 30)]
        orders = [
            client.post(
                "/orders", json={"sku": "sku-0900", "quantity": 1}, headers={"idempotency-key": f"{tag}-{uuid4()}"}
            )
            for _ in range(5)
        ]
        busy = asyncio.gather(*reads, *orders)
        longest = 0.0
        while not busy.done():
            began = time.monotonic()
            await client.get("/healthz")
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.01)
        answers = await busy
    assert {answer.status_code for answer in answers} <= {200, 201, 503}
    return longest


def blocked_seconds(log):
    return [float(seconds) for seconds in SLOW_CALLBACK.findall(log) if float(seconds) >= BLOCKED_SECONDS]


def late_wake_ups(shop):
    metrics = shop.metrics()
    return metrics["app_event_loop_lag_seconds_count"] - metrics['app_event_loop_lag_seconds_bucket{le="0.5"}']


def test_waiting_for_postgres_holds_nobody_up(stack):
    seen = []

    def nobody_waits(first):
        log, late = shop.log, late_wake_ups(shop)
        longest = asyncio.run(load(shop.url, f"async-{time.time()}", first))
        seen.append((blocked_seconds(shop.log[len(log) :]), longest, late_wake_ups(shop) - late))
        blocked, _, late = seen[-1]
        return not blocked and longest < BLOCKED_SECONDS and not late

    with watched_shop(stack) as shop, toxic(stack, "postgres-shop-1", "latency", latency=LATENCY_MS):
        # A busy machine stops the whole process now and then; what blocks the loop does so each time. Other products
        # each time, for these are cached then.
        assert any(nobody_waits(first) for first in (700, 730, 760, 790)), (seen, shop.log)


def test_with_blocking_calls_everybody_waits_and_it_is_seen(stack):
    with (
        watched_shop(stack, SHOP_ASYNC_IO="off") as shop,
        toxic(stack, "postgres-shop-1", "latency", latency=LATENCY_MS),
    ):
        longest = asyncio.run(load(shop.url, f"blocking-{time.time()}"))
        assert blocked_seconds(shop.log)
        assert longest > BLOCKED_SECONDS
        assert late_wake_ups(shop) > 0
