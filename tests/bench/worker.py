"""Workers that differ in how they are observed, each with users of its own, and what they use of the CPU."""

import time
from collections import Counter, defaultdict
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import httpx
import psutil

from services.shop.settings import ShopSettings
from tests.bench.closed_loop import Users
from tests.instances import OwnInstance, own_instance

_DROPPED = 'otel_sdk_processor_span_processed_total{error_type="queue_full"}'
_EXPORTED = "otel_sdk_exporter_span_exported_total"


@dataclass
class Variant:
    """One way to run the worker."""

    name: str
    environment: dict[str, str]
    app: str | None = None
    """What is served instead of the shop."""
    microseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of CPU a request, by the kind of requests, for each round."""
    failures: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    """How many of each kind of requests."""
    lost_spans: float = 0.0

    def latest(self, kind: str) -> float:
        """What a request of this kind cost in the latest round; 0 before the first that counts."""
        return self.microseconds[kind][-1] if self.microseconds[kind] else 0.0


def variants() -> list[Variant]:
    """What is compared; the first is what the others are compared with."""
    share = str(ShopSettings.model_fields["trace_sample_ratio"].default)
    instrumentation = {"SHOP_HTTP_SPANS": "instrumentation"}
    off = {"SHOP_OTLP_ENDPOINT": "", "SHOP_LOG_LEVEL": "error"}
    default, everything = {"SHOP_TRACE_SAMPLE_RATIO": share}, {"SHOP_TRACE_SAMPLE_RATIO": "1.0"}
    return [
        Variant("nothing observed", off, app="tests.bench.bare:create_app()"),
        Variant("default sampling", default),
        Variant("- by instrumentation", default | instrumentation),
        Variant("all traces kept", everything),
        Variant("- all, by instrumentation", everything | instrumentation),
    ]


def bare_routes() -> list[Variant]:
    """Applications without a shop, on the same worker."""
    return [
        Variant(f"bare {name} route", {}, app=f"tests.bench.bare_routes:create_{name.lower()}()")
        for name in ("Starlette", "FastAPI")
    ]


class Worker(AbstractContextManager["Worker"]):
    """One variant's running worker."""

    at_rest = 0.0
    """Cores that it takes while nobody asks."""

    def __init__(self, stack, variant: Variant, **environment: str) -> None:
        self.variant = variant
        self._starting = own_instance(stack, app=variant.app, **(variant.environment | environment))

    def __enter__(self) -> Self:
        self.instance: OwnInstance = self._starting.__enter__()
        address = urlsplit(self.instance.url)
        self.users = Users(address.hostname or "", address.port or 0)
        self._process = psutil.Process(self.instance.process.pid).children()[0].pid
        return self

    def __exit__(self, *error) -> None:
        self.variant.failures += self.users.failures
        self.variant.lost_spans += self._lost_spans()
        self.users.close()
        self._starting.__exit__(*error)

    def cpu_seconds(self) -> float:
        """What the process has used so far, all its threads, also those that are over; in steps of a nanosecond."""
        # clock_getcpuclockid(3) of another process, which Python does not offer; Linux's CPUCLOCK_SCHED is 2.
        return time.clock_gettime((~self._process) << 3 | 2)

    def _lost_spans(self) -> float:
        try:
            metrics = self.instance.metrics()
        except httpx.TransportError:
            return 0.0  # no shop
        refused = sum(value for name, value in metrics.items() if name.startswith(_EXPORTED) and '""' not in name)
        return metrics.get(_DROPPED, 0.0) + refused
