"""How connections to Postgres are made and kept."""

import select
import traceback
from typing import Any, Self

from psycopg import AsyncConnection, OperationalError, waiting
from psycopg.abc import PQGen
from psycopg_pool import AsyncConnectionPool, AsyncNullConnectionPool

from services.kit.postgres.sql_spans import traced_cursor
from services.kit.settings import PostgresSettings

Connection = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]

_CONNECT_TIMEOUT_SECONDS = 2
# The pool doubles its pause after each failed reconnection. Giving up early sounds wrong and is
# right: the next request that finds no connection starts anew, without the pause, so that service
# returns within a second or two of Postgres itself, however long it was away.
_RECONNECT_TIMEOUT_SECONDS = 2.0


class PooledConnection(AsyncConnection[tuple[Any, ...]]):
    """Closes what it gives up.

    psycopg (3.3.9) leaves an attempt that timed out to the garbage collector, as its error and its frame refer to each
    other. Postgres, slow but alive, goes on to accept it, and the pool has more connections than it may.
    """

    @classmethod
    async def connect(cls, *args: Any, **kwargs: Any) -> Self:
        """As psycopg's."""
        try:
            return await super().connect(*args, **kwargs)
        except OperationalError as error:
            traceback.clear_frames(error.__traceback__)
            raise


class BlockingConnection(PooledConnection):
    """Waits for Postgres as a synchronous driver would, with the event loop at a standstill."""

    async def wait(
        self,
        gen: PQGen[Any],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109  (psycopg's signature)
    ) -> Any:
        """Block until the server has answered."""
        return waiting.wait(gen, self.pgconn.socket, interval, timeout)


def create_pool(name: str, settings: PostgresSettings) -> Pool:
    """Return a pool that is not open yet."""
    options: dict[str, Any] = {
        "name": name,
        "reconnect_timeout": _RECONNECT_TIMEOUT_SECONDS,
        "connection_class": PooledConnection if settings.async_io else BlockingConnection,
        "open": False,
        "max_waiting": settings.postgres_pool_max_waiting if settings.bulkhead else 0,
        "kwargs": _connection_options(settings),
    }
    if not settings.pool:
        return AsyncNullConnectionPool(settings.postgres_dsn, max_size=0, **options)
    return AsyncConnectionPool(
        settings.postgres_dsn,
        min_size=min(settings.postgres_pool_min, settings.postgres_pool_max),
        max_size=settings.postgres_pool_max,
        **options,
    )


def _connection_options(settings: PostgresSettings) -> dict[str, Any]:
    statement_timeout_ms = round(settings.postgres_query_timeout.total_seconds() * 1000)
    return {
        # A single read needs no BEGIN and COMMIT around it.
        "autocommit": True,
        "cursor_factory": traced_cursor(settings.postgres_dsn),
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        # Ours ends the wait; this ends the work, so that a query nobody waits for any more does not
        # go on holding its locks.
        "options": f"-c statement_timeout={statement_timeout_ms}",
    }


def was_closed(connection: Connection) -> bool:
    """Say whether the server has closed an idle connection, without the round trip of a query.

    Nothing is to be read from it but the end of it, so a look at its socket finds those that a
    restarted Postgres left behind. Not the pool's own ``check``: after two such connections in a row
    the pool pauses for a second before it looks at the next, and a grown pool is full of them.
    """
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))
