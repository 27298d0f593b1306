"""The second layer of a cache: entries in Redis, shared by all instances, and locks to fill them."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.asyncio.cluster import RedisCluster

from services.kit.cache.entry import Entry
from services.kit.cache.metrics import CacheMetrics
from services.kit.problems import Unavailable
from services.kit.redis.cluster import Redis
from services.kit.telemetry.spans import span

# Try for the lock and look at the entry in one step: who gets the lock only after another has filled
# the entry and let go must see that entry, or reads the source once more for nothing.
_TRY_LOCK = """
local won = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
return {won and 1 or 0, redis.call('GET', KEYS[1])}
"""
# Only who still has the lock may fill: an invalidation takes it away, so that what was read before a
# write is not stored after it.
_FILL = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
"""
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Look:
    """What was found: an entry, nothing, or no answer."""

    entry: Entry | None = None
    failed: bool = False
    token: str = ""
    """The lock, if it was tried for and got."""


class L2:
    """Entries under keys of the form ``name:{id}``, their locks beside them in the same slot."""

    def __init__(
        self, redis: Redis, metrics: CacheMetrics, lock_life: timedelta, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._metrics = metrics.l2
        self._lock_ms = _milliseconds(lock_life.total_seconds())
        self._clock = clock

    async def get(self, key: str) -> Look:
        """Look for an entry, fresh or not. No answer within Redis's time-out is a result, no error."""

        async def get(cluster: RedisCluster) -> Any:
            return await cluster.get(key)

        with span("cache.l2") as current:
            look, result = await self._look(key, get)
            current.set_attribute("cache.result", result)
        self._metrics[result].inc()
        return look

    async def _look(self, key: str, get: Callable[[RedisCluster], Any]) -> tuple[Look, str]:
        try:
            value = await self._redis.run(key, get, "GET entry")
        except Unavailable:
            return Look(failed=True), "error"
        entry = Entry.decode(value) if value is not None else None
        return Look(entry), self._result(entry)

    async def try_lock(self, key: str) -> Look:
        """Try for the lock of a key, and look for its entry again in the same moment."""
        token = secrets.token_hex(8)

        async def try_lock(cluster: RedisCluster) -> Any:
            return await cluster.eval(_TRY_LOCK, 2, key, _lock(key), token, self._lock_ms)

        try:
            won, value = await self._redis.run(key, try_lock, "EVAL try_lock")
        except Unavailable:
            return Look(failed=True)
        return Look(Entry.decode(value) if value is not None else None, token=token if won else "")

    async def unlock(self, key: str, token: str) -> None:
        """Let go of the lock if it is still ours; it ends by itself if that fails."""

        async def unlock(cluster: RedisCluster) -> Any:
            return await cluster.eval(_UNLOCK, 1, _lock(key), token)

        await self._try(key, unlock, "EVAL unlock")

    async def fill(self, key: str, entry: Entry, token: str, keep_until: float) -> bool:
        """Store an entry until then (seconds since the epoch), by the lock and letting go of it.

        Without a token the entry is stored in any case. Returns False when the lock was lost or
        Redis did not answer.
        """
        left_ms = _milliseconds(keep_until - self._clock())

        async def fill(cluster: RedisCluster) -> Any:
            if token:
                return await cluster.eval(_FILL, 2, key, _lock(key), token, entry.encode(), left_ms)
            return await cluster.set(key, entry.encode(), px=left_ms)

        return bool(await self._try(key, fill, "EVAL fill" if token else "SET entry"))

    async def add(self, key: str, entry: Entry, keep_until: float) -> bool:
        """Store an entry until then if there is none; return whether it was. Raises Unavailable."""
        left_ms = _milliseconds(keep_until - self._clock())

        async def add(cluster: RedisCluster) -> Any:
            return await cluster.set(key, entry.encode(), px=left_ms, nx=True)

        return bool(await self._redis.run(key, add, "SET entry if none"))

    async def claim(self, key: str, life: timedelta) -> bool:
        """Whether this key was nobody's; it is ours for that time. Raises Unavailable."""

        async def claim(cluster: RedisCluster) -> Any:
            return await cluster.set(key, b"", px=_milliseconds(life.total_seconds()), nx=True)

        return bool(await self._redis.run(key, claim, "SET claim"))

    async def delete(self, key: str) -> bool:
        """Delete the entry, and the lock with which an older one might still be stored.

        Returns False when Redis did not answer.
        """

        async def delete(cluster: RedisCluster) -> Any:
            await cluster.delete(key, _lock(key))
            return True

        return bool(await self._try(key, delete, "DEL entry"))

    async def _try(self, key: str, operation: Callable[[RedisCluster], Any], summary: str) -> Any:
        try:
            return await self._redis.run(key, operation, summary)
        except Unavailable:
            return None

    def _result(self, entry: Entry | None) -> str:
        if entry is None:
            return "miss"
        if self._clock() >= entry.fresh_until:
            return "stale"
        return "negative" if entry.absent else "hit"


def _lock(key: str) -> str:
    return f"{key}:lock"


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))
