"""What can be seen of a pool of connections, under OpenTelemetry's names."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_WAIT_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True, slots=True)
class PoolState:
    """A look at a pool."""

    idle: int
    used: int
    waiting: int


class PoolSeries:
    """One pool's series."""

    def __init__(self, wait: Histogram, timeouts: Counter) -> None:
        self._wait = wait
        self._timeouts = timeouts

    def waited(self, seconds: float) -> None:
        """Note how long a request waited until a connection was its own, or was given up on."""
        self._wait.observe(seconds)

    def timed_out(self) -> None:
        """Count a request that was given no connection."""
        self._timeouts.inc()


class PoolMetrics:
    """The families of metrics of one kind of pool; each pool is a label value in them.

    The conventions know these for databases (``db_client_connection``); for HTTP they know no waits,
    so the same names stand there with another prefix.
    """

    def __init__(self, prefix: str, registry: CollectorRegistry) -> None:
        name, state = f"{prefix}_pool_name", f"{prefix}_state"
        self._count = Gauge(f"{prefix}_count", "Connections by state.", (name, state), registry=registry)
        self._max = Gauge(
            f"{prefix}_max", "Most connections allowed; 0 if there is no limit.", (name,), registry=registry
        )
        self._pending = Gauge(
            f"{prefix}_pending_requests", "Requests waiting for a connection.", (name,), registry=registry
        )
        self._wait = Histogram(
            f"{prefix}_wait_time_seconds",
            "Time until a connection was there, or was given up on.",
            (name,),
            buckets=_WAIT_BUCKETS_SECONDS,
            registry=registry,
        )
        self._timeouts = Counter(
            f"{prefix}_timeouts", "Requests that were given no connection in time.", (name,), registry=registry
        )

    def pool(self, name: str, maximum: int, look: Callable[[], PoolState]) -> PoolSeries:
        """Create the series of one pool; ``look`` is called at each scrape, from another thread."""
        self._count.labels(name, "idle").set_function(lambda: look().idle)
        self._count.labels(name, "used").set_function(lambda: look().used)
        self._pending.labels(name).set_function(lambda: look().waiting)
        self._max.labels(name).set(maximum)
        return PoolSeries(self._wait.labels(name), self._timeouts.labels(name))
