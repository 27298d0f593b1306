"""Products that nobody asked for: with the cache warmed they can be shown while Postgres does not answer."""

import secrets
import time
from datetime import timedelta

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from redis.cluster import ClusterNode, RedisCluster

from chaos.spec.mix import SKUS
from services.kit.cache.hierarchy import Cache
from services.kit.cache.metrics import CacheMetrics
from services.kit.problems import Unavailable
from services.kit.redis.cluster import Redis
from services.kit.telemetry.instruments import Instruments
from tests.component.storefront import run, until
from tests.redis_clients import login
from tests.waiting import until as wait_until

pytestmark = pytest.mark.stack

MOST = 5000
"""More than the catalogue has."""


async def shown(instance, skus):
    """What can be shown of them: answers, and how often there was none."""
    answers, refused = [], 0
    for sku in skus:
        try:
            answers.append(await instance.products.read(sku))
        except Unavailable:
            refused += 1
    return answers, refused


def test_what_nobody_asked_for_is_shown_as_stale_only_if_the_cache_was_warmed(storefront):
    async def main():
        warmed, cold = [storefront.add() for _ in range(5)], []
        async with storefront.instances(2) as (first, second):
            await first.products.warm_up(MOST)
            cold += [storefront.add() for _ in range(5)]
            with storefront.down():
                return await shown(second, warmed), await shown(second, cold)

    (answers, refused), (none, all_of_them) = run(main())
    assert (len(answers), refused, none, all_of_them) == (5, 0, [], 5)
    assert all(answer.stale for answer in answers)


def test_while_postgres_answers_nothing_warmed_is_shown_and_nothing_fresh_is_replaced(storefront):
    async def main():
        warmed, asked = storefront.add(price_cents=100), storefront.add(price_cents=100)
        async with storefront.instances(1, cache_ttl="1m") as (instance,):
            await instance.products.read(asked)
            await instance.products.warm_up(MOST)
            storefront.write(warmed, 200)
            return [await instance.products.read(sku) for sku in (warmed, asked)], instance.reads

    (first, second), reads = run(main())
    assert b"200" in first.entry.body
    assert [first.stale, second.stale] == [False, False]
    assert reads == 2, "what was fresh is read anew"


def test_an_instance_that_stops_does_not_go_on_warming(storefront):
    looks = iter((False, False, True))

    async def main():
        sku = storefront.add()
        async with storefront.instances(1) as (instance,):
            await instance.products.warm_up(MOST, stop=lambda: next(looks))
            with storefront.down():
                return await shown(instance, [sku])

    assert run(main()) == ([], 1)
    assert next(looks, "none left") == "none left"


def test_without_stale_answers_nothing_is_kept(storefront):
    async def main():
        sku = storefront.add()
        async with storefront.instances(1, stale_on_error=False) as (instance,):
            await instance.products.warm_up(MOST)
            with storefront.down():
                return await shown(instance, [sku])

    assert run(main()) == ([], 1)


def test_one_instance_does_it_for_all_until_the_time_is_over(storefront):
    name, life = secrets.token_hex(8), timedelta(seconds=2)

    async def claims():
        settings, registry = storefront.settings(), CollectorRegistry()
        async with Redis(settings, Instruments.create(registry, NoOpTracer())) as redis:
            caches = [Cache(name, settings, redis, CacheMetrics(CollectorRegistry())) for _ in range(3)]
            # Redis has to be found first, and that is not to be part of the claim's time.
            assert await caches[0].claim("something else", life)
            began = time.monotonic()
            won = [await cache.claim("it", life) for cache in caches]
            await until(lambda: caches[2].claim("it", life))
            return won, time.monotonic() - began

    won, seconds = run(claims())
    assert won == [True, False, False]
    assert seconds >= life.total_seconds()


def test_a_stack_keeps_its_whole_catalogue_though_nobody_asked_for_it(stack):
    there = [ClusterNode("127.0.0.1", node.port) for node in stack.topology.of_role("redis")]
    with RedisCluster(startup_nodes=there, socket_timeout=2, protocol=2, **login(stack)) as cluster:
        # The next look is within 80 s, should another test have emptied it.
        wait_until(lambda: all(cluster.exists(f"cache:{{product:{sku}}}") for sku in SKUS), 90)
