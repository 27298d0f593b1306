"""What surrounds every request: its deadline, its span, its metrics, and its line in the log if it has one."""

import asyncio
import time
from datetime import timedelta

import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.lifecycle import health
from services.kit.lifecycle.state import Lifecycle, State
from services.kit.problems import internal_error
from services.kit.resilience import deadline
from services.kit.telemetry import request_id, server_span
from services.kit.telemetry.metrics import UNMATCHED, HttpMetrics

_log = structlog.get_logger(__name__)

# Nginx's word for a request nobody waited for; HTTP has none.
_CLIENT_CLOSED_REQUEST = 499


class RequestMiddleware:
    """Pure ASGI, because Starlette's BaseHTTPMiddleware costs a task and a stream per request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed: timedelta | None,
        lifecycle: Lifecycle,
        metrics: HttpMetrics,
        begin_span: server_span.Begin,
        told_after: timedelta,
        served_by: str = "",
    ) -> None:
        self._app = app
        self._served_by = [(b"x-served-by", served_by.encode())] if served_by else []
        self._allowed = allowed
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._begin_span = begin_span
        # The instrumentation ends its span with the answer's last byte, before this is asked again.
        self._describes_early = begin_span is server_span.made_before
        self._told_after_seconds = told_after.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._close_when_draining(send)
        is_check = scope["path"] in health.PATHS
        self._lifecycle.request_began(is_check=is_check)
        try:
            if is_check:
                await self._app(scope, receive, send)
            else:
                await self._observed(scope, receive, send)
        finally:
            self._lifecycle.request_ended()

    async def _observed(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Of a header that is there twice the last one counts: HAProxy adds its own behind those of the client.
        method, headers, started = scope["method"], dict(scope["headers"]), time.perf_counter()
        span = self._begin_span(scope, headers)
        if balancers := request_id.start(headers.get(request_id.HEADER_BYTES)):
            span.set_attribute("http.request.header.x-request-id", (balancers,))
        self._metrics.begin(method)
        status = 500
        try:
            status = await self._serve(scope, receive, send, span if self._describes_early else None)
        except asyncio.CancelledError:
            status = _CLIENT_CLOSED_REQUEST
            raise
        finally:
            route = _route(scope)
            seconds = time.perf_counter() - started
            # Before the metrics, whose examples are of traces that are kept.
            server_span.end(span, method, route, status)
            self._metrics.end(method, route, status, seconds)
            # HAProxy has a line for each request; here is one for those that are looked into, beside their trace.
            if status >= 500 or seconds >= self._told_after_seconds or server_span.is_kept(span):
                _log.info("request", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 2))
            server_span.leave(span)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, described: Span | None = None) -> int:
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if described is not None:
                    server_span.describe(described, scope["method"], _route(scope), status)
                if self._served_by:
                    message["headers"] = [*message.get("headers", ()), *self._served_by]
            await send(message)

        if self._allowed is not None:
            deadline.start(self._allowed, scope["headers"])
        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            _log.exception("request_failed", method=scope["method"], path=scope["path"])
            span = trace.get_current_span()
            span.record_exception(error)
            span.set_status(StatusCode.ERROR, f"{type(error).__name__}: {error}")
            if status:
                # The answer has begun, so that all we can do is to break it off.
                raise
            # Starlette's own answer would come too late to name the trace.
            await internal_error()(scope, receive, send_and_note)
        return status or 500

    def _close_when_draining(self, send: Send) -> Send:
        async def send_and_close(message: Message) -> None:
            # Asks the load balancer to open no further request on this connection.
            if message["type"] == "http.response.start" and self._lifecycle.state is State.DRAINING:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        return send_and_close


def _route(scope: Scope) -> str:
    # Where the router leaves it.
    route: str = getattr(scope.get("route"), "path", UNMATCHED)
    return route
