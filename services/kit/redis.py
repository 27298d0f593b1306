"""A cache in the Redis Cluster that is allowed to fail, quickly."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Self, TypeVar

import structlog
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, SlotNotCoveredError

from services.kit.deadline import remaining_seconds
from services.kit.settings import RedisSettings

T = TypeVar("T")

_log = structlog.get_logger(__name__)

# RedisClusterException, for "no node can be reached", is not a RedisError. The last three escape
# when a command is about to write on a connection that another command, having failed, closes:
# https://github.com/redis/redis-py/issues/4287 (fixed after 8.1.0).
_FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError, AttributeError, RuntimeError, TypeError)

_PAUSE_SECONDS = 0.5


class CacheMetrics:
    """How often the cache helped, and how often it could not say."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter("app_cache_requests", "Look-ups in the cache.", ("result",), registry=registry)
        self.hit = requests.labels("hit")
        self.miss = requests.labels("miss")
        self.error = requests.labels("error")


class Pauses:
    """Which nodes are left alone for the moment, because they did not answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def permits(self, node: str) -> bool:
        """Say whether to ask the node: always if it is well, else one request every half second."""
        until = self._until.get(node)
        if until is None:
            return True
        if self._clock() < until:
            return False
        self.begin(node)
        return True

    def begin(self, node: str) -> None:
        """Leave the node alone."""
        self._until[node] = self._clock() + _PAUSE_SECONDS

    def end(self, node: str) -> None:
        """Ask the node again."""
        self._until.pop(node, None)


class CacheUnavailable(Exception):
    """The cache did not answer; nothing is known about the key."""


class Cache:
    """Bytes under keys, for a while."""

    def __init__(self, settings: RedisSettings, registry: CollectorRegistry) -> None:
        socket_timeout_seconds = settings.redis_socket_timeout.total_seconds()
        self._timeout = settings.redis_timeout
        self._metrics = CacheMetrics(registry)
        self._pauses = Pauses()
        self._commands: set[asyncio.Task[Any]] = set()
        self._cluster = RedisCluster(
            startup_nodes=[ClusterNode(node.host, node.port) for node in settings.redis_nodes],
            max_connections=settings.redis_pool_max,
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

    async def get(self, key: str) -> bytes | None:
        """Return the value or None; raise CacheUnavailable after the cache time-out at most."""
        try:
            value = await self._run(key, lambda: self._get(key))
        except CacheUnavailable:
            self._metrics.error.inc()
            raise
        (self._metrics.miss if value is None else self._metrics.hit).inc()
        return value

    async def set(self, key: str, value: bytes, ttl: timedelta) -> None:
        """Keep the value for the time given; raise CacheUnavailable as ``get`` does."""
        await self._run(key, lambda: self._set(key, value, ttl))

    async def _get(self, key: str) -> bytes | None:
        value = await self._cluster.get(key)
        return value.encode() if isinstance(value, str) else value

    async def _set(self, key: str, value: bytes, ttl: timedelta) -> None:
        await self._cluster.set(key, value, px=max(1, round(ttl.total_seconds() * 1000)))

    async def _run(self, key: str, command: Callable[[], Coroutine[Any, Any, T]]) -> T:
        node = self._node_of(key)
        if not self._pauses.permits(node):
            raise CacheUnavailable()
        task = asyncio.create_task(command())
        self._commands.add(task)
        task.add_done_callback(self._forget)
        try:
            # Cancelled in the middle of learning the topology, the client closes every connection,
            # also those in use. So stop waiting, and let the command end by its socket time-outs.
            async with asyncio.timeout(remaining_seconds(self._timeout)):
                result = await asyncio.shield(task)
        except _FAILURES as error:
            self._pauses.begin(node)
            _note_failure(error)
            raise CacheUnavailable() from error
        self._pauses.end(node)
        return result

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


def _note_failure(error: Exception) -> None:
    # The request goes on without the cache, so this is no error of the request; the span has it.
    trace.get_current_span().add_event("cache.unavailable", {"error.type": type(error).__name__})
    _log.debug("cache_unavailable", error=repr(error))
