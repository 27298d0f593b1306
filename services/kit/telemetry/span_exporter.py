"""Sends spans to a collector by OTLP over HTTP, from a thread that nobody waits for, and counts what arrived."""

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread

import requests
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from services.kit.telemetry import otlp
from services.kit.telemetry.spans import RecordedSpan
from services.kit.telemetry.trace_metrics import TraceMetrics

_SEND_EVERY_SECONDS = 1.0
_BATCH = 512
# A drill makes some 200 spans a second in each worker; this is for the time when nobody takes them.
_MOST_WAITING = 8192
# As the protocol has it: these may succeed when they are sent again.
_RETRYABLE = frozenset({429, 502, 503, 504})
_FIRST_PAUSE_SECONDS = 0.1

Post = Callable[[bytes], str]
"""Sends a request; returns what went wrong, in one word, or nothing. Blocks."""


class SpanSender:
    """A queue of spans and the thread that empties it, once a second or when there are enough for a batch."""

    def __init__(
        self, resource: Resource, post: Post, metrics: TraceMetrics, *, most_waiting: int = _MOST_WAITING
    ) -> None:
        self._resource = otlp.encode_resource(resource)
        self._schema = resource.schema_url
        self._post = post
        self._metrics = metrics
        self._most_waiting = most_waiting
        self._waiting: deque[RecordedSpan] = deque()
        self._wake = Event()
        self._closed = False
        metrics.watch_queue(lambda: len(self._waiting), most_waiting)
        self._thread = Thread(target=self._send_all, name="spans", daemon=True)
        self._thread.start()

    def put(self, span: RecordedSpan) -> None:
        """Have a span sent; one that finds the queue full is counted and lost. Never blocks."""
        if len(self._waiting) >= self._most_waiting:
            self._metrics.dropped()
            return
        self._waiting.append(span)
        if len(self._waiting) == _BATCH:
            self._wake.set()

    def close(self, limit: timedelta) -> None:
        """Send what is left, for so long at most. Blocks; the thread, which may go on, is no reason to stay alive."""
        self._closed = True
        self._wake.set()
        self._thread.join(limit.total_seconds())

    def _send_all(self) -> None:
        while not self._closed:
            self._wake.wait(_SEND_EVERY_SECONDS)
            self._wake.clear()
            while self._waiting:
                self._send()

    def _send(self) -> None:
        scopes: dict[InstrumentationScope, list[bytes]] = {}
        number = min(_BATCH, len(self._waiting))
        for _ in range(number):
            span = self._waiting.popleft()
            scopes.setdefault(span.scope, []).append(span.encoded())
        self._metrics.handed_on(number)
        self._metrics.exported(number, self._post(otlp.encode_request(self._resource, scopes, self._schema)))


class Collector:
    """A collector's endpoint for traces; each request is tried until it arrives, or its time is over."""

    def __init__(self, endpoint: str, timeout: timedelta) -> None:
        self._endpoint = endpoint
        self._timeout_seconds = timeout.total_seconds()
        self._session = requests.Session()
        # A collector is no matter for a developer's proxy, nor for his .netrc, which would be read for each batch.
        self._session.trust_env = False
        self._session.headers["content-type"] = "application/x-protobuf"

    def post(self, request: bytes) -> str:
        """Send a request; return the kind of error, a status or the name of an exception, or nothing."""
        give_up_at, pause = time.monotonic() + self._timeout_seconds, _FIRST_PAUSE_SECONDS
        while True:
            error, may_succeed = self._try(request, give_up_at - time.monotonic())
            if not may_succeed or time.monotonic() + pause >= give_up_at:
                return error
            time.sleep(pause)
            pause *= 2

    def _try(self, request: bytes, left_seconds: float) -> tuple[str, bool]:
        try:
            response = self._session.post(self._endpoint, request, timeout=max(left_seconds, 0.01))
        except requests.ConnectionError as error:
            return type(error).__name__, True
        except Exception as error:
            # Also what nobody thought of: the thread must live.
            return type(error).__name__, False
        return "" if response.ok else str(response.status_code), response.status_code in _RETRYABLE
