"""What a service's parts need to make themselves seen."""

from dataclasses import dataclass
from typing import Self

from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry

from services.kit.telemetry.client_metrics import ClientMetrics
from services.kit.telemetry.dependency_metrics import DependencyMetrics
from services.kit.telemetry.pool_metrics import PoolMetrics


@dataclass(frozen=True, slots=True)
class Instruments:
    """One process's registry and tracer, and the metric families that several parts share."""

    registry: CollectorRegistry
    tracer: Tracer
    databases: PoolMetrics
    """Pools of connections to databases."""
    services: PoolMetrics
    """Pools of connections to other services of ours."""
    dependencies: DependencyMetrics
    clients: ClientMetrics

    @classmethod
    def create(cls, registry: CollectorRegistry, tracer: Tracer) -> Self:
        """Create the families; once a registry, as names in it are unique."""
        return cls(
            registry,
            tracer,
            PoolMetrics("db_client_connection", registry),
            PoolMetrics("http_client_connection", registry),
            DependencyMetrics(registry),
            ClientMetrics(registry),
        )
