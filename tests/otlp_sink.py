"""A collector of a test's own: takes spans by OTLP over HTTP and keeps them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as it arrived."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty for a root."""
    name: str
    kind: int
    attributes: dict[str, object]
    events: tuple[dict[str, object], ...]
    failed: bool
    """Its status is ERROR."""


@dataclass
class OtlpSink:
    """What has arrived so far."""

    url: str
    spans: list[SeenSpan] = field(default_factory=list)
    status: int = 200
    """What exporters are answered with."""
    first_status: int = 0
    """What the first request is answered with, if not with `status`."""

    def traces(self) -> dict[str, list[SeenSpan]]:
        """The spans of each trace."""
        traces: dict[str, list[SeenSpan]] = {}
        for span in list(self.spans):
            traces.setdefault(span.trace_id, []).append(span)
        return traces


@contextmanager
def otlp_sink() -> Iterator[OtlpSink]:
    """Take spans while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
            status, sink.first_status = sink.first_status or sink.status, 0
            if status == 200:
                sink.spans.extend(_spans(sent))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink = OtlpSink(f"http://127.0.0.1:{server.server_port}/v1/traces")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _spans(sent):
    for resource in sent.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield SeenSpan(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    span.kind,
                    _attributes(span.attributes),
                    tuple({"name": event.name, **_attributes(event.attributes)} for event in span.events),
                    span.status.code == 2,
                )


def _attributes(pairs):
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
