"""The span of a request as this service sees it, named and described as OpenTelemetry's conventions have it."""

from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

_PROPAGATOR = TraceContextTextMapPropagator()
_NOWHERE = Context()
_REQUEST_ID = "http.request.header.x-request-id"

Headers = dict[bytes, bytes]


def begin(tracer: Tracer, scope: Scope, headers: Headers, request_id: str) -> Span:
    """Begin the span, below the caller's if it sent a `traceparent`. Its name is complete when it ends.

    Where OpenTelemetry's instrumentation has begun one already, that is the request's, and only gets the request's id.
    """
    if (begun := trace.get_current_span()).is_recording():
        if request_id:
            begun.set_attribute(_REQUEST_ID, (request_id,))
        return begun
    method = scope["method"]
    attributes: dict[str, Any] = {
        "http.request.method": method,
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }
    if scope["query_string"]:
        attributes["url.query"] = scope["query_string"].decode("latin-1")
    for name, address in (("server", scope.get("server")), ("client", scope.get("client"))):
        if address:
            attributes[f"{name}.address"], attributes[f"{name}.port"] = address[0], address[1]
    if (agent := headers.get(b"user-agent")) is not None:
        attributes["user_agent.original"] = agent.decode("latin-1")
    if request_id:
        attributes[_REQUEST_ID] = (request_id,)
    return tracer.start_span(method, _caller(headers), SpanKind.SERVER, attributes)


def end(span: Span, method: str, route: str, status: int) -> None:
    """End the span: what the request was, by its route's template, and what was answered."""
    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
    span.end()


def _caller(headers: Headers) -> Context:
    if b"traceparent" not in headers:
        return _NOWHERE
    names = (b"traceparent", b"tracestate")
    carrier = {name.decode(): headers[name].decode("latin-1") for name in names if name in headers}
    return _PROPAGATOR.extract(carrier, _NOWHERE)
