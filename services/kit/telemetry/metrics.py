"""Prometheus metrics of one process: a registry of its own, served on a port of its own."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from threading import Thread
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    make_wsgi_app,
)
from prometheus_client.exposition import ThreadingWSGIServer, choose_encoder

from services.kit.settings import PortRange
from services.kit.telemetry import method as methods
from services.kit.telemetry.exposition import Exposition
from services.kit.telemetry.spans import exemplar

# The bounds that OpenTelemetry's conventions give for http.server.request.duration.
DURATION_BUCKETS_SECONDS = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip


def create_registry(service: str, instance: str) -> CollectorRegistry:
    """Return a registry with what is true of any process of ours."""
    # Creation times double the number of series and nothing here reads them.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Gauge(
        "app_build_info",
        "Always 1; the labels say what is running.",
        ("service", "service_instance_id", "version"),
        registry=registry,
    )
    build.labels(service, instance, _version()).set(1)
    return registry


def _version() -> str:
    try:
        return version("stormdrill")
    except PackageNotFoundError:
        return "unknown"


# A path that matches no route must not become a label: anyone can invent paths.
UNMATCHED = ""


class HttpMetrics:
    """Durations and number of requests, under OpenTelemetry's names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "Time from a request's first byte to its response's last.",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=DURATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self._active = Gauge(
            "http_server_active_requests",
            "Requests being served.",
            ("http_request_method",),
            registry=registry,
        )
        # The library looks a series up under a lock and makes a text of each label, each time.
        self._durations: dict[tuple[str, str, int], Histogram] = {}
        self._actives: dict[str, Gauge] = {}

    def expect(self, router: APIRouter) -> None:
        """Create every series the routes document, so that a first error is an increase."""
        # Also those of the routers it includes, which it only points to.
        for route in iter_route_contexts(router.routes):
            if not isinstance(route.original_route, APIRoute):
                continue
            for method in route.methods or ():
                self._active.labels(method)
                for status in (route.status_code or 200, *route.responses, 500):
                    self._duration.labels(method, route.path, str(status))
        self._duration.labels("GET", UNMATCHED, "404")

    def begin(self, method: str) -> None:
        """Count a request in."""
        self._active_of(method).inc()

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request out, with the current trace as an example of its duration."""
        self._active_of(method).dec()
        known = methods.label(method)
        series = self._durations.get((known, route, status))
        if series is None:
            series = self._durations[known, route, status] = self._duration.labels(known, route, str(status))
        series.observe(seconds, exemplar())

    def _active_of(self, method: str) -> Gauge:
        known = methods.label(method)
        series = self._actives.get(known)
        if series is None:
            series = self._actives[known] = self._active.labels(known)
        return series


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        pass


def _answering(registry: CollectorRegistry) -> Any:
    openmetrics, text = Exposition(registry, openmetrics=True), Exposition(registry, openmetrics=False)
    # Not compressed, although Prometheus asks for gzip: it took a third of a scrape, for a reader that is next door.
    by_the_library = make_wsgi_app(registry, disable_compression=True)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # Whoever asks in another way than Prometheus does.
        if environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING"):
            refused: Iterable[bytes] = by_the_library(environ, start_response)
            return refused
        _, content_type = choose_encoder(environ.get("HTTP_ACCEPT", ""))
        body = (openmetrics if content_type.startswith("application/openmetrics-text") else text).write()
        start_response("200 OK", [("content-type", content_type), ("content-length", str(len(body)))])
        return [body]

    return answer


class MetricsServer:
    """Serves a registry from a thread, so that a blocked event loop does not blind the scrape."""

    def __init__(self, server: WSGIServer, thread: Thread) -> None:
        self._server = server
        self._thread = thread

    @classmethod
    def start(cls, registry: CollectorRegistry, ports: PortRange, host: str = "127.0.0.1") -> Self:
        """Listen on the first free port of the range.

        Raises OSError if none is free: a process nobody can measure must not serve.
        """
        answer = _answering(registry)
        for port in ports:
            try:
                server = make_server(host, port, answer, ThreadingWSGIServer, _Silent)
            except OSError:
                continue
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            return cls(server, thread)
        raise OSError(f"no free port for metrics in {ports}")

    @property
    def port(self) -> int:
        return self._server.server_port

    def stop(self) -> None:
        """Close the port and wait for the thread, half a second at most."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
