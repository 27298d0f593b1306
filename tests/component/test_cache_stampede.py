"""Many readers of one key: the database is asked once for all of them, whatever the process they are in."""

import asyncio
import time

import pytest

from services.kit.problems import Unavailable
from tests.component.storefront import PATIENT_WITH_POSTGRES, run, until

pytestmark = pytest.mark.stack

INSTANCES, READERS = 3, 50
# More than all readers need to arrive, less than they wait for another instance.
SLOW_MS = 1000
# Of the time to live of a product that is refreshed early, a fifth: its read must be over by then.
QUICK_MS = 100


def stampede(storefront, readers=READERS, **settings):
    """Readers of a product in no cache, all at once: reads counted by us and by Postgres, and what they got."""
    sku = storefront.add()
    before = storefront.scans()

    async def main():
        async with storefront.instances(INSTANCES, **(PATIENT_WITH_POSTGRES | settings)) as instances:
            with storefront.slow(SLOW_MS):
                reads = (instance.products.read(sku) for instance in instances for _ in range(readers))
                answers = await asyncio.gather(*reads, return_exceptions=True)
            return sum(instance.reads for instance in instances), answers

    counted, answers = run(main())
    return counted, storefront.scans() - before, [answer for answer in answers if isinstance(answer, Exception)]


def test_a_cold_hot_product_is_read_once_by_all_instances_together(storefront):
    assert stampede(storefront) == (1, 1, [])


def test_without_the_lock_each_instance_reads_it(storefront):
    assert stampede(storefront, refresh_lock=False) == (INSTANCES, INSTANCES, [])


def test_without_single_flight_and_lock_each_request_reads_it(storefront):
    # Two for each connection of its pool.
    readers = 20
    all_of_them = INSTANCES * readers
    assert stampede(storefront, readers, refresh_lock=False, single_flight=False) == (all_of_them, all_of_them, [])


def test_without_single_flight_every_request_waits_at_redis(storefront):
    def lookups(**settings):
        async def main():
            async with storefront.instances(1, **(PATIENT_WITH_POSTGRES | settings)) as (instance,):
                sku = storefront.add()
                with storefront.slow(SLOW_MS):
                    reads = (instance.products.read(sku) for _ in range(READERS))
                    await asyncio.gather(*reads, return_exceptions=True)
                return instance.count("app_cache_requests_total", layer="l2", result="miss")

        return run(main())

    assert lookups() == 1
    assert lookups(single_flight=False) == READERS


def read_anew_twice(storefront, ttl_seconds, **settings):
    """One popular product, read on and on until it was read twice more at the source, which is slow.

    How many seconds each read took that had to wait for the source, how many waited otherwise or got something stale,
    and how long it all took.
    """

    async def main():
        sku, waited, otherwise = storefront.add(), [], 0
        times = PATIENT_WITH_POSTGRES | {"cache_ttl": f"{ttl_seconds}s", "cache_l1_ttl": "200ms"}
        async with storefront.instances(2, **(times | settings)) as instances:
            started = time.monotonic()
            for instance in instances:
                await instance.products.read(sku)
            with storefront.slow(QUICK_MS):
                while sum(instance.reads for instance in instances) < 3:
                    assert time.monotonic() < started + 5 * ttl_seconds
                    for instance in instances:
                        began = time.monotonic()
                        found = await instance.products.read(sku)
                        if found.layer == "source":
                            waited.append(time.monotonic() - began)
                        otherwise += found.stale
                    await asyncio.sleep(0.005)
                took = time.monotonic() - started
            for result in ("filled", "gave_up"):
                otherwise += sum(one.count("app_cache_waits_total", result=result) for one in instances)
            return waited, otherwise, took

    return run(main())


def test_a_popular_product_is_refreshed_before_it_expires_and_nobody_waits(storefront):
    ttl_seconds = 5
    waited, otherwise, took = read_anew_twice(storefront, ttl_seconds)
    assert (waited, otherwise) == ([], 0)
    # Its time is shortened by a fifth at most, and is over by four fifths when it is refreshed.
    assert took >= 2 * 0.8 * 0.8 * ttl_seconds


def test_without_early_refresh_somebody_waits_each_time(storefront):
    # A stale answer would hide the wait, and is another mechanism.
    waited, _, _ = read_anew_twice(storefront, 2, refresh_lock=False, stale_on_error=False)
    assert len(waited) == 2
    assert min(waited) >= QUICK_MS / 1000


def test_a_lock_whose_owner_died_holds_readers_up_for_a_moment_only(storefront):
    async def main():
        sku = storefront.add()
        async with storefront.instances(1, cache_lock_wait="300ms") as (instance,):
            cache = instance.products._products
            assert (await cache._source._locks.try_lock(cache.key(sku))).token
            began = time.monotonic()
            await instance.products.read(sku)
            return time.monotonic() - began, instance.count("app_cache_waits_total", result="gave_up")

    waited, gave_up = run(main())
    # The lock itself would last for ten seconds here.
    assert 0.3 <= waited < 5
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
        async with storefront.instances(1, **PATIENT_WITH_POSTGRES) as (instance,):
            with storefront.slow(SLOW_MS):
                readers = [asyncio.create_task(instance.products.read(sku)) for _ in range(5)]
                await asyncio.sleep(0.1)
                readers[0].cancel()
                answers = await asyncio.gather(*readers[1:])
            return instance.reads, answers

    reads, answers = run(main())
    assert reads == 1
    assert all(not answer.stale for answer in answers)
