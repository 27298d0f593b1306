"""What lies below a process's memory: Redis, and the source itself, read by one instance for all."""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import timedelta

from services.kit.cache.entry import Entry
from services.kit.cache.found import Found, Load
from services.kit.cache.l2 import L2, Look
from services.kit.cache.metrics import CacheMetrics
from services.kit.cache.settings import CacheSettings
from services.kit.redis.cluster import Redis

# A read takes 2 ms; when it takes long, many keys wait, and Redis is not to be asked by all of them all the time.
_FIRST_POLL_SECONDS, _LAST_POLL_SECONDS = 0.005, 0.16


class RedisSilent(Exception):
    """Redis did not answer, so that nothing is known about newer entries."""


class Source:
    """Reads keys of one kind, and fills the second layer with what it read."""

    def __init__(
        self, name: str, settings: CacheSettings, redis: Redis, metrics: CacheMetrics, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._reads = metrics.source_reads(name)
        self._clock = clock
        self._l2 = L2(redis, metrics, settings.cache_read_limit, clock) if settings.l2_cache else None
        self._locks = self._l2 if settings.refresh_lock else None
        self._stale_seconds = settings.cache_stale_for.total_seconds() if settings.stale_on_error else 0.0

    async def find(self, key: str) -> Entry | None:
        """Return Redis's entry, fresh or not; raises RedisSilent if it does not answer."""
        if self._l2 is None:
            return None
        look = await self._l2.get(key)
        if look.failed:
            raise RedisSilent()
        return look.entry

    async def read(self, key: str, load: Load) -> Found:
        """Read the source, or wait a little for another instance that does; raises what ``load`` raises."""
        if self._locks is None:
            return await self.load(key, load)
        give_up_at = time.monotonic() + self._settings.cache_lock_wait.total_seconds()
        look, waited, pause = await self._locks.try_lock(key), False, _FIRST_POLL_SECONDS
        while not look.failed:
            if look.entry is not None and self._clock() < look.entry.fresh_until:
                return await self._filled(self._locks, key, look, waited)
            if look.token:
                return await self.load(key, load, look.token)
            if time.monotonic() >= give_up_at:
                self._metrics.gave_up.inc()
                break
            # Redis could tell us (BLPOP, publish), at the price of a connection for each who waits.
            await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
            look, waited, pause = await self._locks.try_lock(key), True, min(2 * pause, _LAST_POLL_SECONDS)
        return await self.load(key, load, fill=not look.failed)

    async def lock_to_refresh(self, key: str, entry: Entry) -> str:
        """Return a token for ``load`` if the entry is due to be refreshed, and by us; else nothing."""
        if self._locks is None or entry.absent or self._clock() < entry.refresh_at:
            return ""
        look = await self._locks.try_lock(key)
        if look.token and look.entry is not None and look.entry.read_at > entry.read_at:
            await self._locks.unlock(key, look.token)
            return ""
        return look.token

    async def load(self, key: str, load: Load, token: str = "", *, fill: bool = True) -> Found:
        """Read the source and fill Redis, letting go of the lock; raises what ``load`` raises."""
        self._reads.inc()
        read_at, filled = self._clock(), False
        try:
            entry = self._entry(await load(), read_at)
            if self._l2 is not None and fill and (self._settings.negative_cache or not entry.absent):
                filled = await self._l2.fill(key, entry, token, self.kept_until(entry))
            return Found(entry, "source")
        finally:
            if token and not filled and self._l2 is not None:
                await self._l2.unlock(key, token)

    async def claim(self, key: str, life: timedelta) -> bool:
        """Whether no other instance has claimed this within that time. Raises Unavailable if Redis does not answer."""
        return self._l2 is not None and await self._l2.claim(key, life)

    async def keep(self, key: str, body: bytes, read_at: float) -> None:
        """Have Redis keep what was read then, unless it has an entry: stale from the start, for a silent source.

        Raises Unavailable if Redis does not answer.
        """
        entry = Entry.of(body, read_at, read_at, compress=self._settings.gzip)
        if self._l2 is not None and self.kept_until(entry) > self._clock():
            await self._l2.add(key, entry, self.kept_until(entry))

    async def delete(self, key: str) -> bool:
        """Delete Redis's entry; returns False if it did not answer."""
        return self._l2 is None or await self._l2.delete(key)

    def refresh_due_at(self, entry: Entry) -> float:
        """From when on Redis is to be asked whether the entry must be refreshed."""
        return entry.fresh_until if self._locks is None else entry.refresh_at

    def kept_until(self, entry: Entry) -> float:
        """Until when the entry may be answered with if the source is silent."""
        return entry.fresh_until + (0.0 if entry.absent else self._stale_seconds)

    async def _filled(self, locks: L2, key: str, look: Look, waited: bool) -> Found:
        assert look.entry is not None
        if look.token:
            await locks.unlock(key, look.token)
        if waited:
            self._metrics.filled.inc()
        return Found(look.entry, "l2")

    def _entry(self, body: bytes | None, read_at: float) -> Entry:
        settings = self._settings
        ttl = settings.cache_ttl if body is not None else min(settings.cache_negative_ttl, settings.cache_ttl)
        share = random.uniform(1 - settings.cache_ttl_jitter, 1.0) if settings.ttl_jitter else 1.0
        fresh_until = read_at + ttl.total_seconds() * share
        if body is None:
            return Entry.nothing(read_at, fresh_until)
        return Entry.of(body, read_at, fresh_until, compress=settings.gzip)
