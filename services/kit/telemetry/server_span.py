"""The span of a request as this service sees it: made by OpenTelemetry's instrumentation, completed by us."""

import os

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.trace import Span, StatusCode, TracerProvider

_EXCLUDED_URLS = "/healthz$,/readyz$"


def instrument(app: FastAPI, provider: TracerProvider) -> None:
    """Have every request begin with a span, below the caller's if it sent a ``traceparent``.

    Must come before the first request, as the instrumentation wraps the middleware stack.
    """
    # It reads this when it is set up and knows no other way to be told; without it, it emits the attribute names of
    # before the conventions were stable.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls=_EXCLUDED_URLS, exclude_spans=["receive", "send"]
    )


def current(request_id: str) -> Span:
    """Return the current request's span, with the id that the load balancer gave the request."""
    span = trace.get_current_span()
    if request_id:
        span.set_attribute("http.request.header.x-request-id", (request_id,))
    return span


def end(span: Span, method: str, route: str, status: int) -> None:
    """End the span: what the request was, by its route's template, and what was answered.

    Not left to the instrumentation: what comes after it in a request, metrics and log line, is to know whether the
    request's spans are kept.
    """
    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
    span.end()
