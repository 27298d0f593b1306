"""A pool has no connection to Postgres besides those that it counts."""

import asyncio
import gc

import pytest

from services.kit.postgres.pool import create_pool
from services.kit.settings import PostgresSettings


@pytest.fixture
def uncollected():
    """The garbage collector comes when it likes: here, never."""
    gc.disable()
    yield
    gc.enable()


async def given_up(async_io: bool) -> None:
    """Return once a pool's first attempt at a server that says nothing is closed. Raises TimeoutError."""
    closed = asyncio.Event()

    async def say_nothing(reader, writer):
        try:
            await reader.read()
            closed.set()
        finally:
            writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = PostgresSettings(
            postgres_dsn=f"postgresql://it@127.0.0.1:{port}/it",
            postgres_pool_min=1,
            postgres_pool_max=1,
            async_io=async_io,
        )
        async with create_pool("it", settings), asyncio.timeout(8):  # an attempt has 2 s
            await closed.wait()


@pytest.mark.parametrize("async_io", [True, False])
def test_an_attempt_that_is_given_up_is_closed_at_once(uncollected, async_io):
    asyncio.run(given_up(async_io))
