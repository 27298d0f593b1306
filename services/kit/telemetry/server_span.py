"""The span of a request as this service sees it: made by the kit, or by OpenTelemetry's instrumentation of FastAPI.

Both are completed here. What each costs is in docs/observed.md.
"""

from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.http import detect_synthetic_user_agent
from starlette.types import Scope

from services.kit.telemetry import method as methods
from services.kit.telemetry.spans import RecordedSpan
from services.kit.telemetry.tracer import RecordingTracerProvider

Begin = Callable[[Scope, Mapping[bytes, bytes]], Span]
"""Returns the span of the request with this ASGI scope and these headers, and makes it the current one."""

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACEPARENT, _TRACESTATE = b"traceparent", b"tracestate"
_SCOPE = InstrumentationScope("services.kit")


class ServerSpan(RecordedSpan):
    """What the conventions want to be said of a request is put together when it is certain that somebody reads it."""

    __slots__ = ("_asgi", "token")

    def __init__(self, asgi: Scope, caller: trace.SpanContext | None, provider: RecordingTracerProvider) -> None:
        trace_id, recording = provider.begin(caller)
        super().__init__(
            methods.span_name(asgi["method"]),
            recording,
            _SCOPE,
            trace_id=trace_id,
            parent=caller,
            kind=SpanKind.SERVER,
        )
        self._asgi = asgi
        self.token: Token[Context] = context_api.attach(trace.set_span_in_context(self, Context()))

    def said(self) -> Mapping[str, Any]:
        """All that is said of the span; asked for once it is certain that it is kept."""
        return {**attributes(self._asgi), **self._attributes}


def own(provider: RecordingTracerProvider) -> Begin:
    """Have the kit make the spans, below the caller's if it sent a ``traceparent``."""

    def begin(asgi: Scope, headers: Mapping[bytes, bytes]) -> Span:
        return ServerSpan(asgi, _caller(headers) if _TRACEPARENT in headers else None, provider)

    return begin


def made_before(_asgi: Scope, _headers: Mapping[bytes, bytes]) -> Span:
    """Return the span that there is: the instrumentation's, or none."""
    return trace.get_current_span()


def leave(span: Span) -> None:
    """Have the request's span no longer be the current one, if it was made so here."""
    if isinstance(span, ServerSpan):
        context_api.detach(span.token)


def end(span: Span, method: str, route: str, status: int) -> None:
    """Describe the span, and end it.

    Not left to the instrumentation: what comes after it in a request, metrics and log line, is to know whether the
    request's spans are kept.
    """
    describe(span, method, route, status)
    span.end()


def describe(span: Span, method: str, route: str, status: int) -> None:
    """Say what the request was, by its route's template, and what was answered."""
    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)


def is_kept(span: Span) -> bool:
    """Whether it is certain that the request's spans are exported."""
    return isinstance(span, RecordedSpan) and span.recording.is_kept


def attributes(asgi: Scope) -> dict[str, Any]:
    """What OpenTelemetry's conventions want to be said of a request, before there is an answer."""
    method = asgi["method"]
    known = methods.label(method)
    said: dict[str, Any] = {"http.request.method": known, "url.scheme": asgi["scheme"], "url.path": asgi["path"]}
    if known != method:
        said["http.request.method_original"] = method
    if query := asgi.get("query_string"):
        said["url.query"] = query.decode("latin-1")
    for name, pair in (("server", asgi.get("server")), ("client", asgi.get("client"))):
        if pair:
            said[f"{name}.address"], said[f"{name}.port"] = pair
    said["network.protocol.version"] = asgi["http_version"]
    agent = next((value.decode("latin-1") for name, value in asgi["headers"] if name == b"user-agent"), "")
    if agent:
        said["user_agent.original"] = agent
    if synthetic := detect_synthetic_user_agent(agent):
        said["user_agent.synthetic.type"] = synthetic
    return said


def _caller(headers: Mapping[bytes, bytes]) -> trace.SpanContext | None:
    sent = {name.decode(): headers[name].decode("latin-1") for name in (_TRACEPARENT, _TRACESTATE) if name in headers}
    context = trace.get_current_span(_PROPAGATOR.extract(sent, Context())).get_span_context()
    return context if context.is_valid else None
