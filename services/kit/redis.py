"""A cache in the Redis Cluster that is allowed to fail, quickly."""

import asyncio
from datetime import timedelta
from typing import Self

import structlog
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from services.kit.deadline import remaining_seconds
from services.kit.settings import RedisSettings

_log = structlog.get_logger(__name__)

# The cluster client's own exception, for "no node can be reached", is not a RedisError.
_FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)


class CacheMetrics:
    """How often the cache helped, and how often it could not say."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter("app_cache_requests", "Look-ups in the cache.", ("result",), registry=registry)
        self.hit = requests.labels("hit")
        self.miss = requests.labels("miss")
        self.error = requests.labels("error")


class CacheUnavailable(Exception):
    """The cache did not answer; nothing is known about the key."""


class Cache:
    """Bytes under keys, for a while."""

    def __init__(self, settings: RedisSettings, registry: CollectorRegistry) -> None:
        socket_timeout_seconds = settings.redis_socket_timeout.total_seconds()
        self._timeout = settings.redis_timeout
        self._metrics = CacheMetrics(registry)
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
        await self._cluster.aclose()

    async def get(self, key: str) -> bytes | None:
        """Return the value or None; raise CacheUnavailable after the cache time-out at most."""
        try:
            async with asyncio.timeout(remaining_seconds(self._timeout)):
                value = await self._cluster.get(key)
        except _FAILURES as error:
            self._metrics.error.inc()
            _note_failure(error)
            raise CacheUnavailable() from error
        (self._metrics.miss if value is None else self._metrics.hit).inc()
        # The client decodes only when told to, which its types cannot know.
        return value.encode() if isinstance(value, str) else value

    async def set(self, key: str, value: bytes, ttl: timedelta) -> None:
        """Keep the value for the time given; do nothing if the cache does not answer."""
        try:
            async with asyncio.timeout(remaining_seconds(self._timeout)):
                await self._cluster.set(key, value, px=max(1, round(ttl.total_seconds() * 1000)))
        except _FAILURES as error:
            _note_failure(error)


def _note_failure(error: Exception) -> None:
    # The request goes on without the cache, so this is no error of the request; the span has it.
    trace.get_current_span().add_event("cache.unavailable", {"error.type": type(error).__name__})
    _log.debug("cache_unavailable", error=repr(error))
