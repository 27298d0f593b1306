"""What stands between our requests and one server behind us: circuit, retries, and their counts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from services.kit.problems import CircuitOpen, DependencyUnavailable, Overloaded
from services.kit.resilience.circuit import Circuit
from services.kit.resilience.retries import Retries
from services.kit.settings import ResilienceSettings
from services.kit.telemetry.instruments import Instruments

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CircuitLimits:
    """When a circuit opens, and for how long."""

    failures_in_a_row: int = 5
    open_for: timedelta = timedelta(seconds=1)


class Dependency:
    """Calls one dependency."""

    def __init__(
        self,
        name: str,
        settings: ResilienceSettings,
        instruments: Instruments,
        limits: CircuitLimits = CircuitLimits(),
        asked: Callable[[str], bool] = lambda node: True,
    ) -> None:
        """Of several nodes, `asked` says which are still asked; the circuits of the others count no more."""
        self._name = name
        self._limits = limits
        self._asked = asked
        self._breaks = settings.circuit_breaker
        self._circuits: dict[str, Circuit] = {}
        self._series = instruments.dependencies.dependency(name, self._count_open)
        self._retries = Retries(self._series, enabled=settings.retries)

    def is_open(self, node: str = "") -> bool:
        """Say whether a call to this node of the dependency would be refused now."""
        circuit = self._circuits.get(node)
        return circuit is not None and circuit.is_open

    async def call(self, operation: Callable[[], Awaitable[T]], *, repeat: bool, node: str = "") -> T:
        """Return the operation's result.

        The operation raises Transient for what may be repeated at once, any other
        DependencyUnavailable if the dependency failed, Overloaded if it got no connection.
        With ``repeat`` it must be safe to run twice. A dependency of several nodes has a circuit for each.
        Raises what the last attempt raised, CircuitOpen without making one.
        """

        async def attempt() -> T:
            return await self._attempt(operation, node)

        return await (self._retries.call(attempt) if repeat else attempt())

    async def _attempt(self, operation: Callable[[], Awaitable[T]], node: str) -> T:
        try:
            if not self._breaks:
                result = await operation()
            else:
                with self._circuit(node).guard():
                    result = await operation()
        except CircuitOpen:
            raise
        except DependencyUnavailable:
            self._series.failed.inc()
            raise
        except Overloaded:
            self._series.shed.inc()
            raise
        self._series.succeeded.inc()
        return result

    def _circuit(self, node: str) -> Circuit:
        circuit = self._circuits.get(node)
        if circuit is None:
            limits = self._limits
            circuit = Circuit(self._name, limits.failures_in_a_row, limits.open_for, self._series)
            self._circuits[node] = circuit
        return circuit

    def _count_open(self) -> int:
        # A copy, for the scrape runs in another thread.
        circuits = list(self._circuits.items())
        return sum(not circuit.has_closed and self._asked(node) for node, circuit in circuits)
