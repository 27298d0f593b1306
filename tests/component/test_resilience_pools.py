"""Pools on a real stack: however many ask at once, no server sees more connections than it is meant to."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from compose.config import credentials
from services.kit.problems import DependencyUnavailable, Overloaded
from services.kit.redis.cluster import Redis
from services.kit.settings import Address, RedisSettings
from tests.component.clients import POOL_SIZE, instruments, most_connections, postgres, select_one, sleep, together


def test_thousands_of_requests_share_ten_connections(stack):
    async def main():
        wait = timedelta(seconds=30)
        settings = {"postgres_pool_timeout": wait, "postgres_query_timeout": wait, "postgres_pool_max_waiting": 5000}
        async with postgres(stack, "pooled", **settings) as pool:
            return await most_connections(stack, "pooled", together(3000, lambda: pool.run(select_one)))

    most, results = asyncio.run(main())
    assert results == [1] * 3000
    assert 1 < most <= POOL_SIZE


def test_without_a_pool_they_take_every_connection_postgres_has(stack):
    async def main():
        async with postgres(stack, "unpooled", pool=False, circuit_breaker=False) as pool:
            return await most_connections(stack, "unpooled", together(300, lambda: pool.run(sleep)))

    most, results = asyncio.run(main())
    assert most > POOL_SIZE
    assert any(isinstance(result, DependencyUnavailable) for result in results)


@pytest.mark.parametrize("bulkhead", [True, False])
def test_what_cannot_be_served_in_time_is_shed_at_once_only_with_a_bulkhead(stack, bulkhead):
    wait = timedelta(seconds=2)

    async def main():
        settings = {"postgres_pool_timeout": wait, "postgres_pool_max_waiting": 5, "bulkhead": bulkhead}
        settings["postgres_query_timeout"] = timedelta(seconds=10)  # no query is to be cut short
        async with postgres(stack, postgres_pool_min=POOL_SIZE, **settings) as pool:
            await pool.run(select_one)
            waits = []

            async def timed():
                began = time.monotonic()
                try:
                    await pool.run(lambda connection: sleep(connection, 0.8))
                except Overloaded:
                    waits.append(time.monotonic() - began)

            await together(60, timed)
            return waits

    waits = asyncio.run(main())
    assert waits, "with 10 connections of which each is used for 0.8 s, some of 60 requests cannot be served in 2 s"
    if bulkhead:
        assert len(waits) >= 60 - 2 * POOL_SIZE - 5
        assert min(waits) < wait.total_seconds() / 4
    else:
        assert min(waits) >= wait.total_seconds() * 0.9


@pytest.fixture
def redis(stack):
    nodes = tuple(
        Address("127.0.0.1", stack.topology.proxy(node.name).listen) for node in stack.topology.of_role("redis")
    )

    # As who may list clients.
    password_file = credentials.redis_password_file(stack.topology.secrets, credentials.OWNER)

    @asynccontextmanager
    async def create(**settings):
        wait = timedelta(seconds=10)
        login = {"redis_user": credentials.OWNER, "redis_password_file": password_file}
        told = RedisSettings(redis_nodes=nodes, redis_timeout=wait, redis_socket_timeout=wait, **login, **settings)
        async with Redis(told, instruments()) as redis:
            yield redis

    return create


@pytest.mark.parametrize("bulkhead", [True, False])
def test_redis_is_given_no_more_connections_than_its_bulkhead_has_turns(redis, bulkhead):
    async def clients(redis):
        await redis.run("pooled", lambda cluster: cluster.get("pooled"))  # the client learns which node has it
        return await redis.run("pooled", _count_clients)

    async def main():
        async with redis(redis_pool_max=4, bulkhead=bulkhead) as client:
            before = await clients(client)
            got = await together(300, lambda: client.run("pooled", lambda cluster: cluster.get("pooled")))
            return await clients(client) - before, got

    more, got = asyncio.run(main())
    assert got == [None] * 300
    assert (more <= 4) == bulkhead, more


async def _count_clients(cluster):
    """Those that last asked for a key, as ours did: whoever looks after the node comes and goes beside them."""
    node = cluster.get_node_from_key("pooled")
    return sum(client["cmd"] == "get" for client in await cluster.client_list(target_nodes=node))
