"""What can be seen of the calls to a server behind us, and of what protects us from it."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass(frozen=True, slots=True)
class DependencySeries:
    """One dependency's series, all there from the start."""

    succeeded: Counter
    failed: Counter
    """It did not answer as it should."""
    refused: Counter
    """Not sent: the circuit was open."""
    shed: Counter
    """Not sent: no connection was free in time."""
    opened: Counter
    repeated: Counter
    """Sent once more after a failure."""
    not_repeated: Counter
    """Would have been sent once more, had the budget allowed it."""


class DependencyMetrics:
    """The families; each dependency is a label value in them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        label = ("dependency",)
        self._calls = Counter(
            "app_dependency_calls", "Calls by what became of them.", ("dependency", "result"), registry=registry
        )
        self._open = Gauge(
            "app_circuit_breaker_open",
            "Circuits from their opening until a probe has succeeded.",
            label,
            registry=registry,
        )
        self._opened = Counter("app_circuit_breaker_openings", "Times a circuit opened.", label, registry=registry)
        self._retries = Counter(
            "app_retries",
            "Repetitions made, and repetitions the budget forbade.",
            ("dependency", "result"),
            registry=registry,
        )

    def dependency(self, name: str, open_circuits: Callable[[], int]) -> DependencySeries:
        """Create the series of one dependency; ``open_circuits`` is called at each scrape."""
        self._open.labels(name).set_function(open_circuits)
        return DependencySeries(
            succeeded=self._calls.labels(name, "ok"),
            failed=self._calls.labels(name, "error"),
            refused=self._calls.labels(name, "circuit_open"),
            shed=self._calls.labels(name, "shed"),
            opened=self._opened.labels(name),
            repeated=self._retries.labels(name, "made"),
            not_repeated=self._retries.labels(name, "over_budget"),
        )
