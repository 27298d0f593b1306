"""A cache while something behind it fails: what is known is still shown, marked, and quickly."""

import asyncio
import contextlib
import statistics
import time

import httpx
import pytest

from compose import health
from services.kit.problems import Unavailable
from tests.component.storefront import PATIENT_WITH_POSTGRES, REDIS_AS_IT_IS, run, until

pytestmark = pytest.mark.stack

# Everything expires soon, and is kept for long.
SHORT = {"cache_ttl": "500ms", "cache_l1_ttl": "200ms", "cache_retry_after": "500ms"}


async def tried(instance, skus, rounds):
    """Answers, refusals, and seconds each took, of reads one after the other."""
    answers, refused, seconds = [], [], []
    for _ in range(rounds):
        for sku in skus:
            began = time.monotonic()
            try:
                answers.append(await instance.products.read(sku))
            except Unavailable as error:
                refused.append(repr(error))
            seconds.append(time.monotonic() - began)
        await asyncio.sleep(0.02)
    return answers, refused, sorted(seconds)


def outage(storefront, fault, rounds=40, **settings):
    """Known products, read after they have expired and under the fault."""

    async def main():
        skus = [storefront.add() for _ in range(5)]
        async with storefront.instances(1, **(SHORT | settings)) as (instance,):
            await tried(instance, skus, 1)
            await asyncio.sleep(0.6)
            with fault:
                return await tried(instance, skus, rounds), instance

    return run(main())


def test_without_postgres_known_products_are_shown_as_stale(storefront):
    (answers, refused, _), instance = outage(storefront, storefront.down())
    assert not refused
    assert all(answer.stale for answer in answers)
    # Until it is known that Postgres is gone, its silence looks like slowness.
    counted = [instance.count("app_cache_stale_answers_total", reason=reason) for reason in ("unavailable", "slow")]
    assert sum(counted) == len(answers) == 200
    assert counted[0] > 0
    # Not each of them asked a source that had just failed, with 200 of them and a pause of half a second.
    assert instance.reads < 5 + 100


def test_without_stale_answers_they_are_refused(storefront):
    (answers, refused, _), _ = outage(storefront, storefront.down(), stale_on_error=False)
    assert (len(answers), len(refused)) == (0, 200)


def test_memory_alone_has_them(storefront):
    (answers, refused, _), _ = outage(storefront, storefront.down(), l2_cache=False)
    assert (len(answers), refused) == (200, [])


def test_redis_alone_has_them(storefront):
    (answers, refused, _), _ = outage(storefront, storefront.down(), l1_cache=False)
    assert (len(answers), refused) == (200, [])
    assert all(answer.stale for answer in answers)


def test_once_postgres_is_back_answers_are_fresh_again(storefront):
    async def main():
        sku = storefront.add()
        async with storefront.instances(1, **SHORT) as (instance,):
            await instance.products.read(sku)
            await asyncio.sleep(0.6)
            with storefront.down():
                assert (await instance.products.read(sku)).stale

            async def fresh():
                return not (await instance.products.read(sku)).stale

            await until(fresh)

    run(main())


def test_a_slow_postgres_holds_no_reader_up_who_can_have_a_stale_answer(storefront):
    (_, refused, seconds), instance = outage(storefront, storefront.slow(1500), **PATIENT_WITH_POSTGRES)
    assert not refused
    # The budget is 250 ms, the read itself takes 1500.
    assert seconds[-1] < 1.3, seconds[-5:]
    assert statistics.median(seconds) < 0.05
    assert instance.count("app_cache_stale_answers_total", reason="slow") > 0


def test_without_stale_answers_readers_wait_for_it(storefront):
    (_, _, seconds), _ = outage(storefront, storefront.slow(700), rounds=2, stale_on_error=False)
    assert seconds[-1] > 0.65, seconds[-5:]


@contextlib.contextmanager
def redis_silent(stack):
    """All nodes of the cluster take what is sent and answer nothing."""
    toxiproxy, nodes = stack.url("toxiproxy"), stack.topology.of_role("redis")
    body = {"name": "silent", "type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}
    added = []
    try:
        for node in nodes:
            httpx.post(f"{toxiproxy}/proxies/{node.name}/toxics", json=body).raise_for_status()
            added.append(node)
        yield
    finally:
        for node in added:
            httpx.delete(f"{toxiproxy}/proxies/{node.name}/toxics/silent").raise_for_status()
        health.wait_for(health.redis_cluster(stack.topology), time.monotonic() + 30, lambda _missing: None)


def without_redis(stack, storefront, **settings):
    async def main():
        skus = [storefront.add() for _ in range(5)]
        times = {"cache_ttl": "30s", "cache_l1_ttl": "200ms"}
        async with storefront.instances(1, **(REDIS_AS_IT_IS | times | settings)) as (instance,):
            await tried(instance, skus, 1)
            with redis_silent(stack):
                return await tried(instance, skus, 20), instance.reads - len(skus)

    return run(main())


def test_without_redis_products_are_served_from_memory(stack, storefront):
    (answers, refused, seconds), reads = without_redis(stack, storefront)
    assert (len(answers), refused) == (100, [])
    assert not any(answer.stale for answer in answers)
    # What memory holds is good for its time to live, though Redis cannot be asked for anything newer.
    assert reads == 0
    # Who asks Redis once a while waits 50 ms for it and not the 100 that it is given, and the others nothing. Of those
    # who wait the one in the middle, for a busy machine delays single ones.
    waited = [one for one in seconds if one > 0.04]
    assert waited, "nobody asked Redis"
    assert statistics.median(waited) < 0.09, waited
    assert statistics.median(seconds) < 0.02


def test_without_memory_each_of_them_reaches_postgres(stack, storefront):
    (answers, refused, seconds), reads = without_redis(stack, storefront, l1_cache=False)
    assert (len(answers), refused) == (100, [])
    assert reads == 100
    # How many wait before nobody asks it any more is chance; that somebody does is not.
    assert seconds[-1] > 0.04, "waiting for Redis costs time"


def test_without_l2_each_instance_reads_what_another_has_read(storefront):
    def reads(**settings):
        async def main():
            skus = [storefront.add() for _ in range(20)]
            async with storefront.instances(3, cache_ttl="30s", **settings) as instances:
                for instance in instances:
                    await tried(instance, skus, 1)
                return sum(instance.reads for instance in instances)

        return run(main())

    assert reads() == 20
    assert reads(l2_cache=False) == 60


def test_without_l1_each_request_asks_redis(storefront):
    def lookups(**settings):
        async def main():
            skus = [storefront.add() for _ in range(5)]
            async with storefront.instances(1, cache_ttl="1m", cache_l1_ttl="30s", **settings) as (instance,):
                await tried(instance, skus, 20)
                return sum(
                    instance.count("app_cache_requests_total", layer="l2", result=result)
                    for result in ("hit", "miss", "error")
                )

        return run(main())

    assert lookups() == 5
    assert lookups(l1_cache=False) == 100
