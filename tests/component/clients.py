"""Clients of the stack's servers, as services have them, and what tests ask of them."""

import asyncio

import psycopg
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from compose.config.programs import postgres_dsn
from services.kit.postgres.database import Postgres
from services.kit.settings import PostgresSettings
from services.kit.telemetry.instruments import Instruments

POOL_SIZE = 10


def instruments():
    return Instruments.create(CollectorRegistry(), NoOpTracer())


def postgres(stack, name="test", instruments_=None, **settings):
    dsn = postgres_dsn(stack.topology, stack.topology.proxy("postgres-shop-1").listen, application_name=name)
    told = {"postgres_dsn": dsn, "postgres_pool_max": POOL_SIZE}
    return Postgres(PostgresSettings(**(told | settings)), instruments_ or instruments())


async def select_one(connection):
    cursor = await connection.execute("SELECT 1")
    return (await cursor.fetchone())[0]


async def sleep(connection, seconds=0.1):
    await connection.execute("SELECT pg_sleep(%s)", (seconds,))


async def most_connections(stack, name, work):
    """Return the most connections of this name that Postgres had while the work went on, and the work's results."""
    dsn = postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    most = 0
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as observer:
        task = asyncio.ensure_future(work)
        while not task.done():
            cursor = await observer.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (name,)
            )
            most = max(most, (await cursor.fetchone())[0])
            await asyncio.sleep(0.01)
        return most, await task


async def together(number, operation):
    return await asyncio.gather(*(operation() for _ in range(number)), return_exceptions=True)
