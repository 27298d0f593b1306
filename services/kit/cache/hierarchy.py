"""A cache hierarchy: this process's memory, Redis, then the source itself, asked once for many.

The time of an entry, from its reading at the source:

    0 %                      80 %            100 %
    |-------- fresh ----------|--- refresh ---|------- stale (cache_stale_for) -------|
     every layer may use it    one instance    only while the source does not answer,
                               reads it anew   and marked as such
"""

import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Self

from services.kit.cache.entry import Entry
from services.kit.cache.found import Found, Load
from services.kit.cache.l1 import L1
from services.kit.cache.metrics import CacheMetrics
from services.kit.cache.settings import CacheSettings
from services.kit.cache.single_flight import Flight, SingleFlight
from services.kit.cache.source import RedisSilent, Source
from services.kit.problems import DeadlineExceeded, Unavailable
from services.kit.redis.cluster import Redis
from services.kit.resilience import deadline
from services.kit.telemetry.spans import note, span

_Flight = Flight[Found, Entry]


class Cache:
    """Entries of one kind, no older than the time to live unless they say so."""

    def __init__(
        self,
        name: str,
        settings: CacheSettings,
        redis: Redis,
        metrics: CacheMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._l1 = L1(settings.cache_l1_max_bytes if settings.l1_cache else 0)
        self._source = Source(name, settings, redis, metrics, clock)
        self._flights: SingleFlight[Found, Entry] = SingleFlight(shared=settings.single_flight)
        self._refreshes: SingleFlight[Found, Entry] = SingleFlight()
        metrics.watch(name, self._l1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._flights.close()
        await self._refreshes.close()

    def key(self, identity: str) -> str:
        """Return the key of a thing; the braces put everything about it into one slot of Redis."""
        return f"cache:{{{self._name}:{identity}}}"

    def held(self, key: str) -> Found | None:
        """Return what this process can answer by itself, without waiting for anything."""
        held = self._l1.get(key)
        if held is None:
            return None
        entry, now = held.entry, self._clock()
        if now >= held.until:
            return None
        stale = now >= entry.fresh_until
        result = "stale" if stale else "negative" if entry.absent else "hit"
        self._metrics.l1[result].inc()
        note("cache.l1", {"cache.name": self._name, "cache.result": result})
        if stale:
            self._metrics.unavailable.inc()
        return Found(entry, "l1", stale)

    async def read(self, key: str, load: Load) -> Found:
        """Return the entry of a key, which may say that there is nothing.

        Raises Unavailable if the source does not answer and no entry is kept. Waits for the source
        as long as ``load`` does, but only ``cache_stale_after`` if an entry is kept.
        """
        return self.held(key) or await self._join(key, load)

    async def claim(self, what: str, life: timedelta) -> bool:
        """Whether this instance is the one that does something for all; the next one may after that time.

        Raises Unavailable if Redis does not answer.
        """
        return await self._source.claim(self.key(what), life)

    async def keep(self, key: str, body: bytes, read_at: float) -> None:
        """Keep what was read then of something that nobody asked for, in case the source falls silent.

        It is never answered with as fresh. Raises Unavailable if Redis does not answer.
        """
        await self._source.keep(key, body, read_at)

    async def invalidate(self, key: str) -> None:
        """After a write: have no later read in this process, nor in Redis, find what was before it.

        Other processes go on for ``cache_l1_ttl`` at most; all of them to the end of the time to
        live if Redis does not answer, which is counted and no error.
        """
        if not self._settings.cache_invalidation:
            return
        try:
            deleted = await self._source.delete(key)
        finally:
            # Afterwards, for until then a look into Redis could bring the old entry back.
            self._l1.drop(key)
            self._flights.detach(key)
            self._refreshes.detach(key)
        (self._metrics.invalidated if deleted else self._metrics.not_invalidated).inc()

    async def _join(self, key: str, load: Load) -> Found:
        if self._settings.l1_cache:
            self._metrics.l1["miss"].inc()
            note("cache.l1", {"cache.name": self._name, "cache.result": "miss"})
        # Below it is what the flight does, in the trace of the request that began it; the others point there.
        with span("cache.read", {"cache.name": self._name}) as current:
            flight = self._flights.find(key)
            if flight is None:
                flight = self._flights.start(key, lambda flight: self._fetch(flight, key, load), self._kept(key))
            else:
                self._metrics.joined.inc()
                current.set_attribute("cache.joined", True)
                if flight.span_context.is_valid:
                    current.add_link(flight.span_context)
            found = await self._answer(flight)
            current.set_attributes({"cache.layer": found.layer, "cache.stale": found.stale})
            return found

    async def _answer(self, flight: _Flight) -> Found:
        if flight.fallback is not None and self._clock() < flight.fallback.fresh_until:
            patience = self._settings.cache_fresh_after
        else:
            patience = self._settings.cache_stale_after
        # Counted from the start of the flight, so that later callers do not each wait anew.
        left_seconds = flight.started + patience.total_seconds() - time.monotonic()
        if await flight.wait(min(left_seconds, self._remaining())):
            return self._landed(flight)
        if flight.fallback is not None:
            return self._fall_back(flight.fallback, late=True)
        if await flight.wait(self._remaining()):
            return self._landed(flight)
        raise DeadlineExceeded()

    def _remaining(self) -> float:
        return deadline.remaining_seconds(self._settings.cache_read_limit)

    def _landed(self, flight: _Flight) -> Found:
        try:
            return flight.result()
        except Unavailable:
            if flight.fallback is None:
                raise
            return self._fall_back(flight.fallback, late=False)

    def _fall_back(self, entry: Entry, *, late: bool) -> Found:
        stale = self._clock() >= entry.fresh_until
        if stale:
            (self._metrics.slow if late else self._metrics.unavailable).inc()
        return Found(entry, "l1", stale)

    async def _fetch(self, flight: _Flight, key: str, load: Load) -> Found:
        # The flight is nobody's request: its first caller's deadline must not end it for the others.
        deadline.start(self._settings.cache_read_limit)
        try:
            entry = await self._source.find(key)
        except RedisSilent:
            # Redis may know something newer, but what we have is within its time.
            if flight.fallback is not None and self._clock() < flight.fallback.fresh_until:
                return self._hold(flight, key, Found(flight.fallback, "l1"))
            return await self._load(flight, key, self._source.load(key, load, fill=False))
        if entry is not None and self._clock() < entry.fresh_until:
            self._hold(flight, key, Found(entry, "l2"))
            await self._refresh_if_due(key, load, entry)
            return Found(entry, "l2")
        if entry is not None and self._clock() < self._source.kept_until(entry):
            flight.fallback = entry
        return await self._load(flight, key, self._source.read(key, load))

    async def _refresh_if_due(self, key: str, load: Load, entry: Entry) -> None:
        if self._refreshes.find(key) is None and (token := await self._source.lock_to_refresh(key, entry)):
            self._refreshes.start(key, lambda flight: self._refresh(flight, key, load, token), entry)

    async def _refresh(self, flight: _Flight, key: str, load: Load, token: str) -> Found:
        deadline.start(self._settings.cache_read_limit)
        return await self._load(flight, key, self._source.load(key, load, token))

    async def _load(self, flight: _Flight, key: str, loading: Coroutine[Any, Any, Found]) -> Found:
        try:
            found = await loading
        except Unavailable:
            self._hold_until_retry(flight, key)
            raise
        return self._hold(flight, key, found)

    def _kept(self, key: str) -> Entry | None:
        held = self._l1.get(key)
        return held.entry if held is not None and self._clock() < self._source.kept_until(held.entry) else None

    def _hold(self, flight: _Flight, key: str, found: Found) -> Found:
        entry, now = found.entry, self._clock()
        # A flight that is detached may have read what was before a write.
        if flight.detached or (entry.absent and not self._settings.negative_cache):
            return found
        until = min(now + self._settings.cache_l1_ttl.total_seconds(), entry.fresh_until)
        # Not across the start of the refresh, or the last look into Redis could come too late for it.
        due_at = self._source.refresh_due_at(entry)
        self._l1.put(key, entry, min(until, due_at) if now < due_at else until)
        return found

    def _hold_until_retry(self, flight: _Flight, key: str) -> None:
        if flight.fallback is not None and not flight.detached:
            until = self._clock() + self._settings.cache_retry_after.total_seconds()
            self._l1.put(key, flight.fallback, until)
