"""Many readers of one key: the database is asked once for all of them, whatever the process they are in."""

import asyncio
import time

import pytest

from services.kit.problems import Unavailable
from tests.component.storefront import run, until

pytestmark = pytest.mark.stack

INSTANCES, READERS = 3, 50
# Less than the second that a reader waits for another instance, more than all of them need to arrive.
SLOW_MS = 300


def stampede(storefront, **settings):
    """Readers of a product in no cache, all at once: reads counted by us and by Postgres, and what they got."""
    sku = storefront.add()
    before = storefront.scans()

    async def main():
        async with storefront.instances(INSTANCES, **settings) as instances:
            with storefront.slow(SLOW_MS):
                reads = (instance.products.read(sku) for instance in instances for _ in range(READERS))
                answers = await asyncio.gather(*reads, return_exceptions=True)
            return sum(instance.reads for instance in instances), answers

    counted, answers = run(main())
    return counted, storefront.scans() - before, [answer for answer in answers if isinstance(answer, Exception)]


def test_a_cold_hot_product_is_read_once_by_all_instances_together(storefront):
    assert stampede(storefront) == (1, 1, [])


def test_without_the_lock_each_instance_reads_it(storefront):
    assert stampede(storefront, refresh_lock=False) == (INSTANCES, INSTANCES, [])


def test_without_single_flight_and_lock_each_request_reads_it(storefront):
    counted, scans, _ = stampede(storefront, refresh_lock=False, single_flight=False)
    assert counted == INSTANCES * READERS
    # Not all of them get a connection in time.
    assert scans >= 24


def test_without_single_flight_every_request_waits_at_redis(storefront):
    def lookups(**settings):
        async def main():
            async with storefront.instances(1, **settings) as (instance,):
                sku = storefront.add()
                with storefront.slow(SLOW_MS):
                    reads = (instance.products.read(sku) for _ in range(READERS))
                    await asyncio.gather(*reads, return_exceptions=True)
                return instance.count("app_cache_requests_total", layer="l2", result="miss")

        return run(main())

    assert lookups() == 1
    assert lookups(single_flight=False) == READERS


def longest_waits(storefront, **settings):
    """The longest reads of one popular product over several times to live, while Postgres is slow."""

    async def main():
        sku, waits = storefront.add(), []
        async with storefront.instances(2, cache_ttl="2s", cache_l1_ttl="200ms", **settings) as instances:
            for instance in instances:
                await instance.products.read(sku)
            with storefront.slow(SLOW_MS):
                stop_at = time.monotonic() + 5.0
                while time.monotonic() < stop_at:
                    for instance in instances:
                        began = time.monotonic()
                        await instance.products.read(sku)
                        waits.append(time.monotonic() - began)
                    await asyncio.sleep(0.005)
            return sorted(waits)[-5:], sum(instance.reads for instance in instances)

    return run(main())


def test_a_popular_product_is_refreshed_before_it_expires_and_nobody_waits(storefront):
    waits, reads = longest_waits(storefront)
    assert waits[-1] < SLOW_MS / 1000 * 0.8, waits
    assert 3 <= reads <= 5


def test_without_early_refresh_somebody_waits_each_time(storefront):
    # A stale answer would hide the wait, and is another mechanism.
    waits, _ = longest_waits(storefront, refresh_lock=False, stale_on_error=False)
    assert sum(wait >= SLOW_MS / 1000 * 0.8 for wait in waits) >= 2, waits


def test_a_lock_whose_owner_died_holds_readers_up_for_a_moment_only(storefront):
    async def main():
        sku = storefront.add()
        async with storefront.instances(1, cache_lock_wait="300ms") as (instance,):
            cache = instance.products._products
            await cache._source._locks.try_lock(cache.key(sku))
            began = time.monotonic()
            await instance.products.read(sku)
            return time.monotonic() - began, instance.count("app_cache_waits_total", result="gave_up")

    waited, gave_up = run(main())
    assert 0.25 < waited < 1.5
    assert gave_up == 1


def test_the_lock_is_let_go_when_the_read_fails(storefront):
    async def main():
        sku = storefront.add()
        async with storefront.instances(2) as (first, second):
            with storefront.down(), pytest.raises(Unavailable):
                await first.products.read(sku)

            async def readable():
                try:
                    return await second.products.read(sku)
                except Unavailable:
                    return None

            began = time.monotonic()
            await until(readable)
            return time.monotonic() - began, second.count("app_cache_waits_total", result="gave_up")

    _, gave_up = run(main())
    assert gave_up == 0


def test_a_reader_who_leaves_takes_nothing_from_the_others(storefront):
    async def main():
        sku = storefront.add()
        async with storefront.instances(1) as (instance,):
            with storefront.slow(SLOW_MS):
                readers = [asyncio.create_task(instance.products.read(sku)) for _ in range(5)]
                await asyncio.sleep(0.1)
                readers[0].cancel()
                answers = await asyncio.gather(*readers[1:])
            return instance.reads, answers

    reads, answers = run(main())
    assert reads == 1
    assert all(not answer.stale for answer in answers)
