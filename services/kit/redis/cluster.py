"""The Redis Cluster, asked with little patience as a cache, and with more as the only place where something is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar

import structlog
from opentelemetry.trace import SpanKind
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, SlotNotCoveredError
from redis.exceptions import TimeoutError as RedisTimeout

from services.kit.problems import DependencyUnavailable, Transient
from services.kit.resilience.bulkhead import Bulkhead
from services.kit.resilience.deadline import remaining_seconds
from services.kit.resilience.dependency import CircuitLimits, Dependency
from services.kit.settings import RedisSettings
from services.kit.telemetry.instruments import Instruments
from services.kit.telemetry.spans import span

T = TypeVar("T")

_log = structlog.get_logger(__name__)

# RedisClusterException, for "no node can be reached", is not a RedisError. The last three escape
# when a command is about to write on a connection that another command, having failed, closes:
# https://github.com/redis/redis-py/issues/4287 (fixed after 8.1.0).
_FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError, AttributeError, RuntimeError, TypeError)
# What took its time has had it. The others failed at once.
_TIMEOUTS = (RedisTimeout, TimeoutError)
# A node that is well answers within a millisecond, and a lost one is replaced within seconds: give up
# soon, and look again soon.
_LIMITS = CircuitLimits(failures_in_a_row=3, open_for=timedelta(milliseconds=500))
_UNLIMITED = 2**31
_EXPECTED_ERRORS = ("TimeoutError", "ConnectionError", "ClusterDownError", "RedisClusterException", "CancelledError")


@dataclass(frozen=True, slots=True)
class Patience:
    """What one use of Redis waits for, at most."""

    name: str
    """By which its calls, circuits and connections are counted."""
    socket_timeout: timedelta
    """For one node to connect or to answer."""
    timeout: timedelta
    """For one operation, a new look at the topology included."""
    repeats: bool = False
    """Whether what fails at once, as on a connection that was lost while idle, is tried again: it must be safe to."""


def as_cache(settings: RedisSettings) -> Patience:
    """What is asked of a cache: there is another place to look."""
    return Patience("redis", settings.redis_socket_timeout, settings.redis_timeout)


def as_store(settings: RedisSettings) -> Patience:
    """What is asked of the only place where something is kept: to wait is better than to refuse."""
    return Patience("sessions", settings.redis_store_socket_timeout, settings.redis_store_timeout, repeats=True)


class Redis:
    """Runs commands; each node has a circuit of its own, so that a lost one does not cost the others' keys."""

    def __init__(self, settings: RedisSettings, instruments: Instruments, patience: Patience | None = None) -> None:
        self._patience = patience = patience or as_cache(settings)
        socket_timeout_seconds = patience.socket_timeout.total_seconds()
        self._dependency = Dependency(patience.name, settings, instruments, _LIMITS, self._is_asked)
        self._operations = instruments.clients.database("redis", _EXPECTED_ERRORS)
        self._bulkhead: Bulkhead | None = None
        if settings.bulkhead:
            self._bulkhead = Bulkhead(patience.name, settings.redis_pool_max, patience.timeout, instruments.databases)
        self._commands: set[asyncio.Task[Any]] = set()
        self._cluster = RedisCluster(
            startup_nodes=[ClusterNode(node.host, node.port) for node in settings.redis_nodes],
            username=settings.redis_user or None,
            password=settings.redis_password_file.read_text() if settings.redis_password_file else None,
            # Per node. The bulkhead lets no more commands through, so the client never runs out.
            max_connections=settings.redis_pool_max if settings.bulkhead else _UNLIMITED,
            socket_timeout=socket_timeout_seconds,
            socket_connect_timeout=socket_timeout_seconds,
            # One node's absence must not take the keys of the others away.
            require_full_coverage=False,
            # A failed attempt makes the client look at the cluster anew before the next command;
            # a cache that has to try twice is not worth the wait.
            retry=Retry(NoBackoff(), 0),
            # With RESP3 the client asks every node for notices that Redis 7.0 cannot give.
            protocol=2,
        )

    async def __aenter__(self) -> Self:
        """Do nothing: connections open on first use, as Redis may be absent when we start."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._commands, return_exceptions=True)
        await self._cluster.aclose()

    async def run(self, key: str, operation: Callable[[RedisCluster], Awaitable[T]], summary: str = "command") -> T:
        """Return the operation's result; all keys it touches must be in the slot of ``key``.

        The summary names its span: the command, and what it is for. Answers come as bytes. Raises
        DependencyUnavailable after its time-out at most, at once where the key's node has just
        failed, Overloaded if too many commands are under way. A command that was given up on may still
        be carried out.
        """

        async def attempt() -> T:
            async with self._turn():
                return await self._run(operation, summary)

        return await self._dependency.call(attempt, repeat=self._patience.repeats, node=self._node_of(key))

    def _turn(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._bulkhead is None else self._bulkhead.turn()

    async def _run(self, operation: Callable[[RedisCluster], Awaitable[T]], summary: str) -> T:
        limit = remaining_seconds(self._patience.timeout)
        about = {
            "db.system.name": "redis",
            "db.operation.name": summary.split(maxsplit=1)[0],
            "db.query.summary": summary,
        }
        started, failure = time.perf_counter(), None
        try:
            with span(summary, about, SpanKind.CLIENT):
                return await self._wait_for(operation, limit)
        except (DependencyUnavailable, asyncio.CancelledError) as error:
            failure = error.__cause__ or error
            raise
        finally:
            self._operations.took(time.perf_counter() - started, failure)

    async def _wait_for(self, operation: Callable[[RedisCluster], Awaitable[T]], limit: float) -> T:
        task = asyncio.ensure_future(operation(self._cluster))
        self._commands.add(task)
        task.add_done_callback(self._forget)
        try:
            # Cancelled in the middle of learning the topology, the client closes every connection,
            # also those in use. So stop waiting, and let the command end by its socket time-outs.
            async with asyncio.timeout(limit):
                return await asyncio.shield(task)
        except _FAILURES as error:
            # The request may well go on without Redis, so this is no error of the request.
            _log.debug("redis_unavailable", error=repr(error))
            kind = DependencyUnavailable if isinstance(error, _TIMEOUTS) else Transient
            raise kind(self._patience.name) from error

    def _is_asked(self, node: str) -> bool:
        # A master that was replaced returns as a replica, which nobody asks: its circuit would stay open for ever.
        masters = {str(master.name) for master in self._cluster.get_primaries()}
        return node in masters if masters else not node

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._commands.discard(task)
        # Reading the exception of a command nobody waited for keeps asyncio from complaining.
        if not task.cancelled():
            task.exception()

    def _node_of(self, key: str) -> str:
        try:
            node = self._cluster.get_node_from_key(key)
        except SlotNotCoveredError:
            node = None
        # Nobody's key, or the topology is not known yet: then all keys share one fate.
        return "" if node is None else str(node.name)
