"""Encodes spans for OpenTelemetry's protocol, OTLP, as bytes of protobuf.

The SDK's way makes an object of the span, another of each attribute, and messages of all of these. A property test
holds what is encoded here against what the library encodes. The numbers are those of the fields in
opentelemetry/proto/trace/v1/trace.proto and common.proto; docs/observed.md has what it saves.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, TraceState

_LENGTH_DELIMITED = 2
_TIMES = struct.Struct("<cQcQ")
_DOUBLE = struct.Struct("<d")
# SpanFlags: whether the context says so at all, and whether the parent is of another process.
_KNOWN, _REMOTE = b"\x00\x01\x00\x00", b"\x00\x03\x00\x00"
_SPAN_FLAGS, _LINK_FLAGS = b"\x85\x01", b"\x35"
_LONGEST_KEPT = 64


def varint(number: int) -> bytes:
    """Return a number that is not negative as protobuf has it."""
    if number < 0x80:
        return number.to_bytes()
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _part(field: int, content: bytes) -> bytes:
    """A field of a length: a text, bytes or a message."""
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(len(content)) + content


def _value(value: Any) -> bytes:
    """An AnyValue; of a type that has no place there, what it is as a text."""
    kind = type(value)
    if kind is str:
        return _part(1, value.encode(errors="replace"))
    if kind is bool:
        return b"\x10\x01" if value else b"\x10\x00"
    if kind is int and -(2**63) <= value < 2**63:
        return b"\x18" + varint(value & 0xFFFFFFFFFFFFFFFF)
    if kind is float:
        return b"\x21" + _DOUBLE.pack(value)
    if kind is bytes:
        return _part(7, value)
    if value is None:
        return b""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _part(5, b"".join([_part(1, _value(each)) for each in value]))
    return _part(1, str(value).encode(errors="replace"))


def _pair(key: str, value: Any) -> bytes:
    return _part(1, key.encode(errors="replace")) + _part(2, _value(value))


# Most attributes are texts that come again and again: names of caches, routes, statements.
_known_pair = lru_cache(4096)(_pair)


@lru_cache(1024)
def _known_text(field: int, text: str) -> bytes:
    return _part(field, text.encode(errors="replace"))


def _attributes(field: int, attributes: Mapping[str, Any]) -> list[bytes]:
    parts = []
    for key, value in attributes.items():
        kept = type(value) is str and len(value) <= _LONGEST_KEPT
        parts.append(_part(field, _known_pair(key, value) if kept else _pair(key, value)))
    return parts


def _event(event: Event) -> bytes:
    at = b"\x09" + (event.timestamp or 0).to_bytes(8, "little")
    return at + b"".join([_part(2, event.name.encode(errors="replace")), *_attributes(3, event.attributes or {})])


def _link(link: Link) -> bytes:
    context = link.context
    ids = _part(1, context.trace_id.to_bytes(16, "big")) + _part(2, context.span_id.to_bytes(8, "big"))
    flags = _LINK_FLAGS + (_REMOTE if context.is_remote else _KNOWN)
    return b"".join([ids, *_attributes(4, link.attributes or {}), flags])


def _status(status: Status) -> bytes:
    message = _part(2, status.description.encode(errors="replace")) if status.description else b""
    code = status.status_code.value
    return message + (b"\x18" + code.to_bytes() if code else b"")


def encode_span(  # noqa: PLR0913  (a span has as many parts)
    *,
    trace_id: int,
    span_id: int,
    state: TraceState | None,
    parent: SpanContext | int | None,
    name: str,
    kind: SpanKind,
    start: int,
    end: int,
    attributes: Mapping[str, Any],
    events: Iterable[Event],
    links: Iterable[Link],
    status: Status,
) -> bytes:
    """Return a Span; its parent is given by its id if it is of this process."""
    parts = [b"\x0a\x10", trace_id.to_bytes(16, "big"), b"\x12\x08", span_id.to_bytes(8, "big")]
    if state:
        parts.append(_part(3, ",".join([f"{key}={value}" for key, value in state.items()]).encode()))
    if parent is not None:
        parts += (b"\x22\x08", (parent if isinstance(parent, int) else parent.span_id).to_bytes(8, "big"))
    if name:
        parts.append(_known_text(5, name))
    parts += (b"\x30", (kind.value + 1).to_bytes(), _TIMES.pack(b"\x39", start, b"\x41", end))
    parts += _attributes(9, attributes)
    parts += [_part(11, _event(event)) for event in events]
    parts += [_part(13, _link(link)) for link in links]
    parts += (_part(15, _status(status)), _SPAN_FLAGS)
    parts.append(_REMOTE if isinstance(parent, SpanContext) and parent.is_remote else _KNOWN)
    return b"".join(parts)


def encode_resource(resource: Resource) -> bytes:
    """Return a Resource, as the first field of what is sent of it."""
    return _part(1, b"".join(_attributes(1, resource.attributes)))


def encode_scope(scope: InstrumentationScope) -> bytes:
    """Return an InstrumentationScope, as the first field of the spans that were made in it."""
    name = _part(1, scope.name.encode()) if scope.name else b""
    version = _part(2, scope.version.encode()) if scope.version else b""
    return _part(1, b"".join([name, version, *_attributes(3, scope.attributes or {})]))


def encode_request(
    resource: bytes, spans: Mapping[InstrumentationScope, Sequence[bytes]], resource_schema: str = ""
) -> bytes:
    """Return an ExportTraceServiceRequest with the spans of one resource, each in its scope."""
    scopes = []
    for scope, encoded in spans.items():
        schema = _part(3, scope.schema_url.encode()) if scope.schema_url else b""
        scopes.append(_part(2, encode_scope(scope) + b"".join([_part(2, span) for span in encoded]) + schema))
    schema = _part(3, resource_schema.encode()) if resource_schema else b""
    return _part(1, resource + b"".join(scopes) + schema)
