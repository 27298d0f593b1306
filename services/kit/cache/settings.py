"""How long a cache may answer by itself, and which of its mechanisms are on."""

from datetime import timedelta

from pydantic import Field

from services.kit.settings import Duration, Settings


class CacheSettings(Settings):
    """Limits and switches of a cache hierarchy; each switch exists to show what it is worth."""

    cache_ttl: Duration = timedelta(seconds=5)
    """An answer not marked as stale is never older than this, counted from the read at the source."""
    cache_ttl_jitter: float = Field(default=0.2, ge=0.0, lt=1.0)
    """Share of the time to live by which it is shortened at random, so that keys do not expire all at once."""
    cache_negative_ttl: Duration = timedelta(seconds=2)
    """How long the absence of something is believed."""
    cache_stale_for: Duration = timedelta(minutes=5)
    """How long beyond its freshness an entry is kept, for the time when the source does not answer."""
    cache_fresh_after: Duration = timedelta(milliseconds=50)
    """Longest wait for Redis of a request for which memory has an entry that is still within its time to live."""
    cache_stale_after: Duration = timedelta(milliseconds=250)
    """Longest wait for the source of a request that could be given a stale entry instead."""
    cache_retry_after: Duration = timedelta(seconds=1)
    """How long a process answers with a stale entry before it tries the failed source again."""
    cache_l1_ttl: Duration = timedelta(seconds=1)
    """Longest time a process answers from its own memory, and a browser or proxy from theirs."""
    cache_l1_max_bytes: int = Field(default=8 * 1024 * 1024, ge=0)
    """Memory of one kind of entries (products, pages) in each process."""
    cache_lock_wait: Duration = timedelta(seconds=1)
    """Longest wait for another instance that reads the same at the source."""
    cache_read_limit: Duration = timedelta(seconds=3)
    """Longest reading of one key through all layers, whoever still waits for it; also the life of its lock."""

    l1_cache: bool = True
    l2_cache: bool = True
    single_flight: bool = True
    refresh_lock: bool = True
    ttl_jitter: bool = True
    negative_cache: bool = True
    stale_on_error: bool = True
    cache_invalidation: bool = True
    gzip: bool = True
