"""A pool of Postgres connections whose every wait is bounded, measured and traced."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self, TypeVar

from psycopg import Error, InterfaceError, InternalError, OperationalError
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from services.kit.postgres.pool import Connection, create_pool, was_closed
from services.kit.problems import DependencyUnavailable, Overloaded, Transient
from services.kit.resilience.deadline import remaining_seconds
from services.kit.resilience.dependency import Dependency
from services.kit.settings import PostgresSettings
from services.kit.telemetry.instruments import Instruments
from services.kit.telemetry.pool_metrics import PoolState
from services.kit.telemetry.spans import span

T = TypeVar("T")

_NAME = "postgres"
# Among them that of a connection that was lost, and that of a statement that took too long.
_EXPECTED_ERRORS = ("OperationalError", "QueryCanceled", "AdminShutdown", "CancelledError")


class Postgres:
    """Runs one request's statements."""

    def __init__(self, settings: PostgresSettings, instruments: Instruments) -> None:
        self._pool_timeout = settings.postgres_pool_timeout
        self._query_timeout = settings.postgres_query_timeout
        self._pool = create_pool(_NAME, settings)
        self._series = instruments.databases.pool(_NAME, self._pool.max_size, self._look)
        self._operations = instruments.clients.database("postgresql", _EXPECTED_ERRORS)
        self._dependency = Dependency(_NAME, settings, instruments)
        self._lent = 0

    async def __aenter__(self) -> Self:
        """Open the pool; does not wait for Postgres, whose absence is no reason not to start."""
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close(timeout=1.0)

    async def run(self, operation: Callable[[Connection], Awaitable[T]], *, repeat: bool = True) -> T:
        """Return what the operation makes of a connection in autocommit mode.

        Waits for a connection up to the pool's time-out and lends it for up to the query time-out,
        each cut to the request's deadline. After a lost connection the operation is run again,
        unless ``repeat`` forbids it. Raises Overloaded if no connection was free in time,
        DependencyUnavailable when Postgres fails or takes too long.
        """

        async def attempt() -> T:
            async with self._lend() as connection:
                return await operation(connection)

        return await self._dependency.call(attempt, repeat=repeat)

    async def transaction(self, operation: Callable[[Connection], Awaitable[T]], *, repeat: bool = True) -> T:
        """Return what ``run`` does, with everything the operation does in one transaction.

        DependencyUnavailable may mean that the commit is in doubt, not that it failed. With
        ``repeat`` the operation must be safe to run again after it has been committed.
        """

        async def within(connection: Connection) -> T:
            with span("postgres.transaction"):
                async with connection.transaction():
                    return await operation(connection)

        return await self.run(within, repeat=repeat)

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[Connection]:
        connection = await self._take()
        hung_up = False

        def hang_up() -> None:
            nonlocal hung_up
            hung_up = True
            _shut_down(connection)

        self._lent += 1
        try:
            limit = remaining_seconds(self._query_timeout)
            guard = asyncio.get_running_loop().call_later(limit, hang_up)
            try:
                with self._operation():
                    yield connection
            finally:
                guard.cancel()
        except (DeadlockDetected, SerializationFailure) as error:
            raise Transient(_NAME) from error
        except (OperationalError, InterfaceError, InternalError) as error:
            # What we hung up on ourselves has had its time.
            lost = connection.closed and not hung_up
            raise (Transient if lost else DependencyUnavailable)(_NAME) from error
        finally:
            self._lent -= 1
            await self._pool.putconn(connection)

    @contextmanager
    def _operation(self) -> Iterator[None]:
        started, failure = time.perf_counter(), None
        try:
            yield
        except (Error, asyncio.CancelledError) as error:
            failure = error
            raise
        finally:
            self._operations.took(time.perf_counter() - started, failure)

    async def _take(self) -> Connection:
        limit = remaining_seconds(self._pool_timeout)
        started = time.perf_counter()
        with span("postgres.pool.wait"):
            try:
                return await self._get_open(started + limit)
            except TooManyRequests as error:
                self._series.timed_out()
                raise Overloaded(_NAME) from error
            except PoolTimeout as error:
                self._series.timed_out()
                raise self._why_no_connection() from error
            except (PoolClosed, OperationalError) as error:
                raise DependencyUnavailable(_NAME) from error
            finally:
                self._series.waited(time.perf_counter() - started)

    async def _get_open(self, give_up_at: float) -> Connection:
        while True:
            connection = await self._pool.getconn(give_up_at - time.perf_counter())
            if not was_closed(connection):
                return connection
            # The pool replaces what comes back closed.
            await connection.close()
            await self._pool.putconn(connection)

    def _why_no_connection(self) -> DependencyUnavailable | Overloaded:
        # With all of them lent there are only more requests than connections. If not, the pool could
        # not make another, and the circuit is to hear of it.
        return Overloaded(_NAME) if 0 < self._pool.max_size <= self._lent else DependencyUnavailable(_NAME)

    def _look(self) -> PoolState:
        # The pool leaves keys with value 0 out of its statistics, and counts connections it is only
        # trying to make into its size.
        stats = self._pool.get_stats()
        return PoolState(stats.get("pool_available", 0), self._lent, stats.get("requests_waiting", 0))


def _shut_down(connection: Connection) -> None:
    # Cancelling the task instead would have psycopg ask the server to cancel the query and wait
    # for its answer, up to ten seconds, from a server that may be the one that does not answer.
    # Shutting the socket down makes the pending read fail at once; the pool replaces the
    # connection.
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)
