"""Waiting for Postgres ends in time, whatever keeps it from answering."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection

from compose.config.programs import postgres_dsn
from services.kit.postgres.database import Postgres
from services.kit.problems import DependencyUnavailable, Overloaded
from services.kit.settings import PostgresSettings
from services.kit.telemetry.instruments import Instruments

pytestmark = pytest.mark.stack

# On a busy machine a timer may be late; a wait that ignores its limit takes five seconds or more.
LIMIT, TOLERANCE_SECONDS = timedelta(milliseconds=500), 4.0
# Of what is not to run into its limit.
PATIENCE = timedelta(seconds=5)
POOL = {"db_client_connection_pool_name": "postgres"}


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def lend(stack, registry):
    """Return a function that runs a coroutine function with a pool of one connection."""

    def run(use, port=None, **settings):
        dsn = postgres_dsn(stack.topology, port or stack.topology.proxy("postgres-shop-1").listen)
        told = {
            "postgres_pool_min": 1,
            "postgres_pool_max": 1,
            "postgres_pool_timeout": PATIENCE,
            "postgres_query_timeout": PATIENCE,
        }
        chosen = PostgresSettings(postgres_dsn=dsn, **(told | settings))

        async def main():
            async with Postgres(chosen, Instruments.create(registry, NoOpTracer())) as postgres:
                return await use(postgres)

        return asyncio.run(main())

    return run


async def unavailable_after(operation, error=DependencyUnavailable):
    started = time.monotonic()
    with pytest.raises(error):
        await operation
    return time.monotonic() - started


async def select_one(connection):
    cursor = await connection.execute("SELECT 1")
    return await cursor.fetchone()


async def one(postgres):
    return await postgres.run(select_one)


async def sleep(postgres, seconds):
    async def statements(connection):
        # The server would give up by itself; here it is to be the one that does not.
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("SELECT pg_sleep(%s)", (seconds,))

    await postgres.run(statements)


def test_a_query_that_takes_too_long_is_given_up_and_the_pool_recovers(lend):
    async def use(postgres):
        waited = await unavailable_after(sleep(postgres, 10))
        # That, too, may be late once.
        give_up_at = time.monotonic() + 10
        while time.monotonic() < give_up_at:
            with suppress(DependencyUnavailable):
                return waited, await one(postgres)
        return waited, None

    waited, row = lend(use, postgres_query_timeout=LIMIT)
    assert 0.4 < waited < 0.5 + TOLERANCE_SECONDS
    assert row == (1,)


def test_a_wait_for_a_connection_ends_and_is_counted(lend, registry):
    async def use(postgres):
        taken = asyncio.Event()

        async def take(_):
            taken.set()
            await asyncio.sleep(0.1)

        async def hold(_):
            # The pool's only connection is ours here.
            return await unavailable_after(one(postgres), Overloaded), await holder

        holder = asyncio.create_task(postgres.run(take))
        await taken.wait()
        return await postgres.run(hold)

    # Long beside what the holder takes, so that nobody gives up on that.
    waited, _ = lend(use, postgres_pool_timeout=timedelta(seconds=2))
    assert 1.9 < waited < 2 + TOLERANCE_SECONDS
    assert registry.get_sample_value("db_client_connection_timeouts_total", POOL) == 1
    assert registry.get_sample_value("db_client_connection_wait_time_seconds_count", POOL) == 3


def test_a_postgres_that_is_not_there_is_no_reason_not_to_start(lend, stack):
    # Toxiproxy's own port answers, and does not speak Postgres's protocol.
    port = stack.topology.one("toxiproxy").port
    waited = lend(lambda postgres: unavailable_after(one(postgres)), port=port, postgres_pool_timeout=LIMIT)
    assert waited < 0.5 + TOLERANCE_SECONDS


def test_a_connection_the_server_has_closed_is_replaced_unnoticed(lend):
    async def use(postgres):
        pid, dsn = await postgres.run(identify)
        await terminate(pid, dsn)
        await asyncio.sleep(0.2)
        return await one(postgres)

    assert lend(use) == (1,)


def test_a_restarted_postgres_costs_nobody_more_than_a_new_connection(lend):
    # A pool that has grown is full of connections that are closed; none of them is anybody's failure.
    size = 10

    async def use(postgres):
        await postgres._pool.wait(30)
        met = asyncio.Barrier(size)
        seen = []

        async def grow(connection):
            seen.append(await identify(connection))
            await met.wait()

        await asyncio.gather(*(postgres.run(grow) for _ in range(size)))
        for pid, dsn in seen:
            await terminate(pid, dsn)
        await asyncio.sleep(0.2)
        # The first comes upon one after the other.
        return [await one(postgres), *await asyncio.gather(*(one(postgres) for _ in range(size)))]

    # Less than the second for which the pool's own check would pause.
    wait = timedelta(milliseconds=900)
    pool = {"postgres_pool_min": size, "postgres_pool_max": size, "postgres_pool_timeout": wait}
    assert lend(use, **pool) == [(1,)] * (size + 1)


async def identify(connection):
    return connection.info.backend_pid, connection.info.dsn


async def terminate(pid, dsn):
    async with await AsyncConnection.connect(dsn, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s)", (pid,))


@pytest.mark.parametrize(("repeat", "retries", "attempts"), [(True, True, 2), (False, True, 1), (True, False, 1)])
def test_a_statement_whose_connection_is_lost_is_repeated_only_if_it_may_be(lend, registry, repeat, retries, attempts):
    seen = []

    async def lose_the_first(connection):
        seen.append(connection)
        if len(seen) == 1:
            await terminate(*await identify(connection))
        return await select_one(connection)

    async def use(postgres):
        return await postgres.run(lose_the_first, repeat=repeat)

    if attempts == 2:
        assert lend(use, retries=retries) == (1,)
    else:
        with pytest.raises(DependencyUnavailable):
            lend(use, retries=retries)
    assert len(seen) == attempts
    made = registry.get_sample_value("app_retries_total", {"dependency": "postgres", "result": "made"})
    assert made == attempts - 1


def test_an_error_inside_a_transaction_takes_it_back(lend):
    async def create_and_fail(connection):
        await connection.execute("CREATE TABLE never (x int)")
        raise ZeroDivisionError

    async def look(connection):
        cursor = await connection.execute("SELECT to_regclass('never')")
        return await cursor.fetchone()

    async def use(postgres):
        with pytest.raises(ZeroDivisionError):
            await postgres.transaction(create_and_fail)
        return await postgres.run(look)

    assert lend(use) == (None,)
