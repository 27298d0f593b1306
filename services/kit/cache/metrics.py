"""What the caches of a process do, as numbers; every series exists from the start, at 0."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.kit.cache.l1 import L1

_RESULTS = {
    "l1": ("hit", "miss", "stale", "negative"),
    "l2": ("hit", "miss", "stale", "negative", "error"),
}


class CacheMetrics:
    """The families; one object serves all caches of a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter(
            "app_cache_requests",
            "Look-ups by layer. A flight that several requests share looks into l2 once.",
            ("layer", "result"),
            registry=registry,
        )
        self.l1, self.l2 = (
            {result: requests.labels(layer, result) for result in results} for layer, results in _RESULTS.items()
        )
        self._reads = Counter(
            "app_cache_source_reads",
            "Reads at the source, because no layer had the entry or to refresh it early.",
            ("cache",),
            registry=registry,
        )
        waits = Counter(
            "app_cache_waits",
            "Waits for a read of another: joined one in this process; filled by, or gave up on, another instance.",
            ("result",),
            registry=registry,
        )
        self.joined, self.filled, self.gave_up = (waits.labels(result) for result in ("joined", "filled", "gave_up"))
        stale = Counter(
            "app_cache_stale_answers",
            "Answers older than the time to live, by why the source was not heard.",
            ("reason",),
            registry=registry,
        )
        self.unavailable, self.slow = stale.labels("unavailable"), stale.labels("slow")
        invalidations = Counter(
            "app_cache_invalidations",
            "Entries deleted after a write; after an error the old one lives to the end of its time.",
            ("result",),
            registry=registry,
        )
        self.invalidated, self.not_invalidated = invalidations.labels("ok"), invalidations.labels("error")
        self._entries = Gauge("app_cache_entries", "Entries in memory.", ("cache", "layer"), registry=registry)
        self._bytes = Gauge("app_cache_bytes", "About what they take.", ("cache", "layer"), registry=registry)

    def source_reads(self, cache: str) -> Counter:
        """Return the counter of one cache."""
        return self._reads.labels(cache)

    def watch(self, cache: str, l1: L1) -> None:
        """Show how full a cache's first layer is."""
        self._entries.labels(cache, "l1").set_function(lambda: l1.entries)
        self._bytes.labels(cache, "l1").set_function(lambda: l1.size_bytes)
