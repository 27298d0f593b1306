"""Puts a service together: telemetry, problems, health, lifecycle around its routes."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from fastapi import APIRouter, FastAPI

from services.kit import problems
from services.kit.http.body import BodyLimit
from services.kit.http.request import RequestMiddleware
from services.kit.lifecycle import health
from services.kit.lifecycle.state import Lifecycle, State
from services.kit.settings import ServiceSettings
from services.kit.telemetry.instruments import Instruments
from services.kit.telemetry.lines import Lines
from services.kit.telemetry.logging import configure_logging
from services.kit.telemetry.loop_lag import LoopLag
from services.kit.telemetry.metrics import HttpMetrics, MetricsServer, create_registry
from services.kit.telemetry.server_span import Begin
from services.kit.telemetry.tracing import Tracing

_log = structlog.get_logger(__name__)


def _spare_the_collector() -> None:
    # What exists by now (modules, routes, models) stays for good. Looking through it again in
    # every full collection stopped the event loop for 60 to 80 ms about once a second under load.
    gc.collect()
    gc.freeze()


OpenResources = Callable[[FastAPI, Instruments], AbstractAsyncContextManager[None]]


def create_service(name: str, settings: ServiceSettings, router: APIRouter, open_resources: OpenResources) -> FastAPI:
    """Return the application of one service.

    `open_resources` is entered when the process starts and left when it stops; it puts what routes need into app.state.
    """
    registry = create_registry(name, settings.instance)
    configure_logging(settings.instance, settings.log_level, Lines(registry))
    tracing = Tracing(name, settings, registry)
    instruments = Instruments.create(registry, tracing.tracer(f"services.{name}"))
    lifecycle = Lifecycle(settings.drain_delay, registry, drains=settings.drain)
    http_metrics = HttpMetrics(registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        server = MetricsServer.start(registry, settings.metrics_ports, settings.metrics_host)
        async with LoopLag(registry), open_resources(app, instruments):
            _spare_the_collector()
            lifecycle.state = State.SERVING
            _log.info("serving", metrics_port=server.port)
            yield
            lifecycle.state = State.DRAINING
        await asyncio.to_thread(tracing.shutdown)
        await asyncio.to_thread(server.stop)
        _log.info("stopped")

    app = FastAPI(
        title=name,
        lifespan=lifespan,
        # FastAPI traces by itself as soon as it can; with the instrumentation of OpenTelemetry each request would be
        # traced twice.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.lifecycle = lifecycle
    for routes in (router, health.create_router(lifecycle)):
        app.include_router(routes)
    _add_middleware(app, settings, lifecycle, http_metrics, tracing.of_requests(app, health.PATHS))
    problems.install(app)
    http_metrics.expect(router)
    return app


def _add_middleware(
    app: FastAPI, settings: ServiceSettings, lifecycle: Lifecycle, metrics: HttpMetrics, begin_span: Begin
) -> None:
    app.add_middleware(BodyLimit, most_bytes=settings.body_bytes)
    # Added last, it is the outermost.
    app.add_middleware(
        RequestMiddleware,
        allowed=settings.request_deadline if settings.deadline else None,
        lifecycle=lifecycle,
        metrics=metrics,
        begin_span=begin_span,
        told_after=settings.trace_slow_after,
        served_by=settings.instance if settings.names_itself else "",
    )
