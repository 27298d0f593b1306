"""A bulkhead: no more calls than turns, and those who wait too long are shed."""

import asyncio
from datetime import timedelta

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from services.kit.problems import Overloaded
from services.kit.resilience.bulkhead import Bulkhead
from services.kit.telemetry.instruments import Instruments


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def bulkhead(registry):
    instruments = Instruments.create(registry, NoOpTracer())

    def create(size, wait):
        return Bulkhead("it", size, timedelta(seconds=wait), instruments.services)

    return create


async def use(bulkhead, until):
    async with bulkhead.turn():
        await until.wait()


def test_no_more_calls_than_turns_and_those_who_wait_too_long_are_shed(bulkhead, registry):
    pool = {"http_client_connection_pool_name": "it"}

    async def story():
        it = bulkhead(2, 0.1)
        done = asyncio.Event()
        tasks = [asyncio.create_task(use(it, done)) for _ in range(3)]
        await asyncio.sleep(0)
        used = {**pool, "http_client_connection_state": "used"}
        assert registry.get_sample_value("http_client_connection_count", used) == 2
        with pytest.raises(Overloaded):
            await tasks[2]
        done.set()
        await asyncio.gather(*tasks[:2])
        await use(it, done)

    asyncio.run(story())
    assert registry.get_sample_value("http_client_connection_timeouts_total", pool) == 1
    assert registry.get_sample_value("http_client_connection_wait_time_seconds_count", pool) == 4


def test_a_cancelled_waiter_and_a_failed_holder_give_their_turn_back(bulkhead):
    async def story():
        it = bulkhead(1, 10.0)
        done = asyncio.Event()
        holder = asyncio.create_task(use(it, done))
        waiter = asyncio.create_task(use(it, done))
        await asyncio.sleep(0.01)
        waiter.cancel()
        holder.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        done.set()
        await asyncio.wait_for(use(it, done), 10.0)

    asyncio.run(story())


def test_where_too_many_wait_already_the_next_is_shed_at_once(bulkhead):
    async def story():
        it = bulkhead(1, 60.0)
        done = asyncio.Event()
        tasks = [asyncio.create_task(use(it, done)) for _ in range(101)]
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded):
            await asyncio.wait_for(use(it, done), 20.0)
        done.set()
        await asyncio.gather(*tasks)

    asyncio.run(story())
