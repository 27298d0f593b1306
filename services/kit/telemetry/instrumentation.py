"""OpenTelemetry's instrumentation of FastAPI, given as little to do for a request as it lets itself be given.

As it comes, it takes longer than a product that is held in memory: it looks for the request's route before the router
does, matches the URL against what is not traced, and decodes every header once for each name that it asks for. The
route is told by whoever ends the span (`server_span.end`), checks of health pass it by, and it sees the headers that it
reads.
"""

import os
from typing import Any

from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp, Receive, Scope, Send

from services.kit.telemetry import method as methods

_READ = frozenset({b"host", b"user-agent", b"traceparent", b"tracestate", b"content-length"})
_WHOLE = "stormdrill.scope"


def instrument(app: FastAPI, provider: TracerProvider, untraced: frozenset[str]) -> None:
    """Have every request begin with a span, below the caller's if it sent a ``traceparent``; paths may be untraced.

    Must come before the first request, as the instrumentation wraps the middleware stack.
    """
    # It reads this when it is set up and knows no other way to be told; without it, it emits the attribute names of
    # before the conventions were stable.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider,
        # The service has metrics of its own.
        meter_provider=NoOpMeterProvider(),
        excluded_urls="",
        exclude_spans=["receive", "send"],
    )
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: _lean(build(), untraced)  # type: ignore[method-assign]


def _lean(stack: Any, untraced: frozenset[str]) -> ASGIApp:
    instrumentation = stack.app
    if not isinstance(instrumentation, OpenTelemetryMiddleware):
        raise TypeError(f"the instrumentation has built its middleware in another way: {instrumentation!r}")
    instrumentation.default_span_details = _by_method
    served = instrumentation.app

    async def serve_whole(seen: Scope, receive: Receive, send: Send) -> None:
        await served(seen.get(_WHOLE, seen), receive, send)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in untraced:
            await served(scope, receive, send)
            return
        headers = [header for header in scope["headers"] if header[0] in _READ]
        await stack({**scope, "headers": headers, _WHOLE: scope}, receive, send)

    instrumentation.app = serve_whole
    return serve


def _by_method(scope: Scope) -> tuple[str, dict[str, str]]:
    return methods.span_name(scope["method"]), {}
