"""A pool of Postgres connections whose every wait is bounded, measured and traced."""

import asyncio
import os
import select
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from psycopg import AsyncConnection, InterfaceError, InternalError, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from services.kit.deadline import remaining_seconds
from services.kit.problems import DependencyUnavailable
from services.kit.service import Instruments
from services.kit.settings import PostgresSettings

Connection = AsyncConnection[tuple[Any, ...]]

_POOL_NAME = "postgres"
_CONNECT_TIMEOUT_SECONDS = 2
# The pool doubles its pause after each failed reconnection. Giving up early sounds wrong and is
# right: the next request that finds no connection starts anew, without the pause, so that service
# returns within a second or two of Postgres itself, however long it was away.
_RECONNECT_TIMEOUT_SECONDS = 2.0
_WAIT_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class PoolMetrics:
    """The pool's state, under OpenTelemetry's names."""

    def __init__(self, pool: AsyncConnectionPool[Connection], registry: CollectorRegistry) -> None:
        name = "db_client_connection_pool_name"
        connections = Gauge(
            "db_client_connection_count",
            "Open connections by state.",
            (name, "db_client_connection_state"),
            registry=registry,
        )
        maximum = Gauge("db_client_connection_max", "Most connections allowed.", (name,), registry=registry)
        pending = Gauge(
            "db_client_connection_pending_requests",
            "Requests waiting for a connection.",
            (name,),
            registry=registry,
        )
        wait = Histogram(
            "db_client_connection_wait_time_seconds",
            "Time until a connection was there, or was given up on.",
            (name,),
            buckets=_WAIT_BUCKETS_SECONDS,
            registry=registry,
        )
        timeouts = Counter(
            "db_client_connection_timeouts",
            "Requests that were given no connection in time.",
            (name,),
            registry=registry,
        )
        # The pool leaves keys with value 0 out of its statistics.
        connections.labels(_POOL_NAME, "idle").set_function(lambda: pool.get_stats().get("pool_available", 0))
        connections.labels(_POOL_NAME, "used").set_function(lambda: _used(pool.get_stats()))
        maximum.labels(_POOL_NAME).set(pool.max_size)
        pending.labels(_POOL_NAME).set_function(lambda: pool.get_stats().get("requests_waiting", 0))
        self.wait = wait.labels(_POOL_NAME)
        self.timeouts = timeouts.labels(_POOL_NAME)


def _used(stats: dict[str, int]) -> int:
    return stats.get("pool_size", 0) - stats.get("pool_available", 0)


class Postgres:
    """Gives out connections for one request's use."""

    def __init__(self, settings: PostgresSettings, instruments: Instruments) -> None:
        self._pool_timeout = settings.postgres_pool_timeout
        self._query_timeout = settings.postgres_query_timeout
        statement_timeout_ms = round(self._query_timeout.total_seconds() * 1000)
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            settings.postgres_dsn,
            name=_POOL_NAME,
            min_size=min(settings.postgres_pool_min, settings.postgres_pool_max),
            max_size=settings.postgres_pool_max,
            reconnect_timeout=_RECONNECT_TIMEOUT_SECONDS,
            check=_check_not_closed,
            open=False,
            kwargs={
                # A single read needs no BEGIN and COMMIT around it.
                "autocommit": True,
                "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
                # Ours ends the wait; this ends the work, so that a query nobody waits for any
                # more does not go on holding its locks.
                "options": f"-c statement_timeout={statement_timeout_ms}",
            },
        )
        self._metrics = PoolMetrics(self._pool, instruments.registry)
        self._tracer = instruments.tracer

    async def __aenter__(self) -> Self:
        """Open the pool; does not wait for Postgres, whose absence is no reason not to start."""
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close(timeout=1.0)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit mode.

        Waits for one up to the pool's time-out and lends it for up to the query time-out, each
        cut to the request's deadline. Raises DependencyUnavailable after that, or when Postgres
        fails.
        """
        connection = await self._take()
        try:
            limit = remaining_seconds(self._query_timeout)
            guard = asyncio.get_running_loop().call_later(limit, _hang_up, connection)
            try:
                yield connection
            finally:
                guard.cancel()
        except (OperationalError, InterfaceError, InternalError) as error:
            raise DependencyUnavailable("postgres") from error
        finally:
            await self._pool.putconn(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection as ``connection`` does, inside a transaction.

        An error on the way out means that the commit is in doubt, not that it failed.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def _take(self) -> Connection:
        limit = remaining_seconds(self._pool_timeout)
        started = time.perf_counter()
        with self._tracer.start_as_current_span("postgres.pool.wait"):
            try:
                return await self._pool.getconn(limit)
            except (PoolTimeout, TooManyRequests, PoolClosed) as error:
                self._metrics.timeouts.inc()
                raise DependencyUnavailable("postgres") from error
            finally:
                self._metrics.wait.observe(time.perf_counter() - started)


async def _check_not_closed(connection: Connection) -> None:
    # Nothing is to be read from an idle connection but the end of it, so a look at the socket
    # finds those that a restarted Postgres left behind, without the round trip of a query.
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        await connection.close()
        raise OperationalError("closed by the server while idle")


def _hang_up(connection: Connection) -> None:
    # Cancelling the task instead would have psycopg ask the server to cancel the query and wait
    # for its answer, up to ten seconds, from a server that may be the one that does not answer.
    # Shutting the socket down makes the pending read fail at once; the pool replaces the
    # connection.
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)
