"""The kit's span of a request says what that of OpenTelemetry's instrumentation says, of whatever is asked."""

import asyncio
from datetime import timedelta

from fastapi import FastAPI
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from services.kit.http.request import RequestMiddleware
from services.kit.lifecycle import health
from services.kit.lifecycle.state import Lifecycle
from services.kit.telemetry import instrumentation, server_span
from services.kit.telemetry.metrics import HttpMetrics
from services.kit.telemetry.recording import Keeping
from services.kit.telemetry.trace_metrics import TraceMetrics
from services.kit.telemetry.tracer import RecordingTracerProvider

HEX = "0123456789abcdef"
# Not "get", which the instrumentation takes for GET; methods are case-sensitive, and to our metrics it is another.
METHODS = st.sampled_from(["GET", "HEAD", "POST", "DELETE", "QUERY", "FOO"])
PATHS = st.one_of(
    st.sampled_from(["/things/a", "/nowhere", "/fails", "/healthz", "/readyz", "/things/healthz"]),
    st.text(st.characters(codec="utf-8"), max_size=8).map("/".__add__),
)
QUERIES = st.text("ab=&%20", max_size=8).map(str.encode)
PARENTS = st.one_of(
    st.builds(
        "{}-{}-{}-{}".format,
        st.sampled_from(["00", "01", "ff", "0"]),
        st.text(HEX, min_size=31, max_size=33) | st.just("0" * 32) | st.just("a" * 32),
        st.text(HEX, min_size=16, max_size=16) | st.just("0" * 16),
        st.sampled_from(["00", "01", "03", "0", "00-more"]),
    ),
    st.text(st.characters(codec="latin-1"), max_size=8),
)
HEADERS = st.lists(
    st.one_of(
        PARENTS.map(lambda text: (b"traceparent", text.encode("latin-1"))),
        st.sampled_from(
            [
                (b"tracestate", b"vendor=value"),
                (b"tracestate", b"not a state"),
                (b"user-agent", b"Mozilla/5.0"),
                (b"user-agent", b"Googlebot"),
                (b"host", b"shop.example.com"),
                (b"content-length", b"0"),
                (b"x-request-id", b"7F000001:1"),
            ]
        ),
    ),
    max_size=4,
    unique_by=lambda header: header[0],
)


class Served:
    """An application whose spans are kept."""

    def __init__(self, *, own):
        self.spans = []

        def keep(span):
            self.spans.append(span.readable(Resource.get_empty()))

        keeping, registry = Keeping(1.0, timedelta(hours=1)), CollectorRegistry()
        provider = RecordingTracerProvider(keeping, keep, TraceMetrics(registry))
        lifecycle = Lifecycle(timedelta(0), registry)
        self.app = FastAPI()
        self.app.include_router(health.create_router(lifecycle))
        self.app.add_api_route("/things/{name}", _thing)
        self.app.add_api_route("/fails", _fail)
        if not own:
            instrumentation.instrument(self.app, provider, health.PATHS)
        self.app.add_middleware(
            RequestMiddleware,
            allowed=None,
            lifecycle=lifecycle,
            metrics=HttpMetrics(registry),
            begin_span=server_span.own(provider) if own else server_span.made_before,
            told_after=timedelta(hours=1),
        )

    def ask(self, scope):
        """What is said of a request: name, kind, status, caller, attributes and events of each of its spans."""
        self.spans.clear()
        asyncio.run(self._ask(scope))
        assert trace.get_current_span() is trace.INVALID_SPAN
        return [_said(span) for span in self.spans]

    async def _ask(self, scope):
        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_message):
            """Nobody reads it."""

        await self.app(scope, receive, send)


async def _thing(name: str) -> str:
    return name


async def _fail() -> str:
    raise ZeroDivisionError


def _said(span):
    attributes = dict(span.attributes)
    # The instrumentation appends the port, which is in server.port; the conventions do not.
    attributes["server.address"] = attributes["server.address"].partition(":")[0]
    caller = span.parent and (span.parent.trace_id, span.parent.span_id, span.parent.trace_state.to_header())
    trace_id = span.context.trace_id if caller else None
    status = span.status.status_code, span.status.description
    return span.name, span.kind, status, caller, trace_id, attributes, [event.name for event in span.events]


OWN, INSTRUMENTATION = Served(own=True), Served(own=False)


@settings(max_examples=40)
@given(METHODS, PATHS, QUERIES, HEADERS)
@example("GET", "/things/a", b"", [(b"traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode())])
@example("GET", "/fails", b"a=b", [(b"user-agent", b"Googlebot")])
def test_both_say_the_same(method, path, query, headers):
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": headers,
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40000),
    }
    said = OWN.ask(dict(scope))
    assert said == INSTRUMENTATION.ask(dict(scope))
    assert len(said) == (path not in health.PATHS)
