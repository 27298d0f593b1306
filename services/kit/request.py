"""What surrounds every request: its deadline, its metrics, its line in the log."""

import asyncio
import time
from datetime import timedelta

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit import deadline, health
from services.kit.lifecycle import Lifecycle, State
from services.kit.metrics import UNMATCHED, HttpMetrics

_log = structlog.get_logger(__name__)

# Nginx's word for a request nobody waited for; HTTP has none.
_CLIENT_CLOSED_REQUEST = 499


class RequestMiddleware:
    """Pure ASGI, because Starlette's BaseHTTPMiddleware costs a task and a stream per request."""

    def __init__(self, app: ASGIApp, *, allowed: timedelta | None, lifecycle: Lifecycle, metrics: HttpMetrics) -> None:
        self._app = app
        self._allowed = allowed
        self._lifecycle = lifecycle
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._close_when_draining(send)
        self._lifecycle.request_began()
        try:
            if scope["path"] in health.PATHS:
                await self._app(scope, receive, send)
            else:
                await self._measured(scope, receive, send)
        finally:
            self._lifecycle.request_ended()

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, status = scope["method"], 500
        started = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        if self._allowed is not None:
            deadline.start(self._allowed, scope["headers"])
        self._metrics.begin(method)
        try:
            await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            status = _CLIENT_CLOSED_REQUEST
            raise
        except Exception:
            _log.exception("request_failed", method=method, path=scope["path"])
            raise
        finally:
            # Where the router leaves it.
            route = getattr(scope.get("route"), "path", UNMATCHED)
            seconds = time.perf_counter() - started
            self._metrics.end(method, route, status, seconds)
            _log.info(
                "request",
                method=method,
                route=route,
                status=status,
                duration_ms=round(seconds * 1000, 2),
            )

    def _close_when_draining(self, send: Send) -> Send:
        async def send_and_close(message: Message) -> None:
            # Asks the load balancer to open no further request on this connection.
            if message["type"] == "http.response.start" and self._lifecycle.state is State.DRAINING:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        return send_and_close
