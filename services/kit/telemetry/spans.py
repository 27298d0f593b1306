"""Spans that cost little to record: no locks, no copies, no validation until it is known that they are kept.

They are OpenTelemetry spans to whoever writes them, and become the SDK's when they are exported.
"""

import random
import time
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from services.kit.problems import Problem
from services.kit.telemetry.otlp import encode_span
from services.kit.telemetry.recording import Recording

Attributes = Mapping[str, Any]

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)
_UNSET = Status(StatusCode.UNSET)
_TOLD = "_told_by_a_span"  # marks an exception that a span has already: it is told once, where it began


class RecordedSpan(Span):
    """A span of ours."""

    __slots__ = (
        "_attributes", "_context", "_end", "_events", "_kind", "_links", "_name", "_parent", "_scope", "_span_id",
        "_start", "_status", "_trace_id", "recording",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913  (a span has as many parts)
        self,
        name: str,
        recording: "Recording[RecordedSpan]",
        scope: InstrumentationScope,
        *,
        trace_id: int,
        parent: "SpanContext | RecordedSpan | None" = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: tuple[Link, ...] = (),
        start_time: int | None = None,
    ) -> None:
        self.recording = recording
        self._name = name
        self._scope = scope
        self._parent = parent
        self._kind = kind
        self._attributes = dict(attributes) if attributes else {}
        self._links = links
        self._events: list[Event] | None = None
        self._status = _UNSET
        self._trace_id = trace_id
        self._span_id = random.getrandbits(64) or 1
        # Made when somebody asks: most spans are looked at by nobody.
        self._context: SpanContext | None = None
        self._end: int | None = None
        self._start = start_time or time.time_ns()

    def child(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: tuple[Link, ...] = (),
        scope: InstrumentationScope | None = None,
        start_time: int | None = None,
    ) -> "RecordedSpan":
        """Begin a span below this one."""
        return RecordedSpan(
            name,
            self.recording,
            scope or self._scope,
            trace_id=self._trace_id,
            parent=self,
            kind=kind,
            attributes=attributes,
            links=links,
            start_time=start_time,
        )

    @property
    def kind(self) -> SpanKind:
        return self._kind

    @property
    def has_failed(self) -> bool:
        """Whether an error was noted, or the request answered with 5xx."""
        status = self._attributes.get("http.response.status_code")
        return self._status.status_code is StatusCode.ERROR or (isinstance(status, int) and status >= 500)

    def get_span_context(self) -> SpanContext:
        if self._context is None:
            self._context = self._context_of(_SAMPLED if self.recording.sampled else _NOT_SAMPLED)
        return self._context

    def _context_of(self, flags: TraceFlags) -> SpanContext:
        return SpanContext(self._trace_id, self._span_id, is_remote=False, trace_flags=flags, trace_state=self._state())

    def _state(self) -> TraceState | None:
        parent = self._parent
        if parent is None:
            return None
        return parent._state() if isinstance(parent, RecordedSpan) else parent.trace_state

    def _parent_context(self) -> SpanContext | None:
        return self._parent.get_span_context() if isinstance(self._parent, RecordedSpan) else self._parent

    def is_recording(self) -> bool:
        return self._end is None

    def set_attribute(self, key: str, value: Any) -> None:
        self._attributes[key] = value

    def set_attributes(self, attributes: Attributes) -> None:
        self._attributes.update(attributes)

    def add_event(self, name: str, attributes: Attributes | None = None, timestamp: int | None = None) -> None:
        event = Event(name, dict(attributes or {}), timestamp)
        self._events = [event] if self._events is None else [*self._events, event]

    def add_link(self, context: SpanContext, attributes: Attributes | None = None) -> None:
        self._links = (*self._links, Link(context, dict(attributes or {})))

    def update_name(self, name: str) -> None:
        self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        # What was declared well stays so, and an error that is described is not made less of.
        new = status if isinstance(status, Status) else Status(status, description)
        described = new.status_code is StatusCode.ERROR and new.description is None and self._status.description
        if self._status.status_code is not StatusCode.OK and not described:
            self._status = new

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Note an exception, unless a span below has told of it, or of what it was raised from."""
        if getattr(_origin(exception), _TOLD, False):
            return
        setattr(_origin(exception), _TOLD, True)
        told: dict[str, Any] = {
            "exception.type": _type_name(exception),
            "exception.message": str(exception),
            **(attributes or {}),
        }
        # Of our own refusals the name says it all, and they come in numbers.
        if not isinstance(exception, Problem):
            told["exception.stacktrace"] = "".join(traceback.format_exception(exception))
        self.add_event("exception", told, timestamp)

    def fail(self, error: BaseException) -> None:
        """Note that this piece of work ended in an error, which is told where it began."""
        origin = _origin(error)
        self.record_exception(origin)
        self._attributes.setdefault("error.type", type(origin).__name__)
        self.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))

    def end(self, end_time: int | None = None) -> None:
        if self._end is None:
            self._end = end_time or time.time_ns()
            self.recording.ended(self, is_first=not isinstance(self._parent, RecordedSpan))

    @property
    def scope(self) -> InstrumentationScope:
        """The part of the program that made the span."""
        return self._scope

    def said(self) -> Attributes:
        """All that is said of the span; asked for once it is certain that it is kept."""
        return self._attributes

    def encoded(self) -> bytes:
        """Return the span as it is sent; it has ended."""
        parent = self._parent
        return encode_span(
            trace_id=self._trace_id,
            span_id=self._span_id,
            state=self._state(),
            parent=parent._span_id if isinstance(parent, RecordedSpan) else parent,
            name=self._name,
            kind=self._kind,
            start=self._start,
            end=self._end or 0,
            attributes=self.said(),
            events=self._events or (),
            links=self._links,
            status=self._status,
        )

    def readable(self, resource: Resource) -> ReadableSpan:
        """Return the span as the SDK's exporters want it."""
        return ReadableSpan(
            self._name,
            # Kept whatever was said of it before, and the processor forwards nothing else.
            self._context_of(_SAMPLED),
            self._parent_context(),
            resource,
            self.said(),
            self._events or (),
            self._links,
            self._kind,
            None,
            self._status,
            self._start,
            self._end,
            self._scope,
        )


class Entered:
    """Makes a span the current one for the length of a block, and ends it."""

    __slots__ = ("_end_on_exit", "_record_exception", "_set_status", "_span", "_token")

    def __init__(
        self, span: RecordedSpan, *, record_exception: bool = True, set_status: bool = True, end_on_exit: bool = True
    ) -> None:
        self._span = span
        self._record_exception = record_exception
        self._set_status = set_status
        self._end_on_exit = end_on_exit

    def __enter__(self) -> Span:
        self._token = context_api.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        context_api.detach(self._token)
        span = self._span
        if isinstance(error, Exception) and not _is_refusal(error):
            if self._set_status:
                span.fail(error)
            elif self._record_exception:
                span.record_exception(error)
        if self._end_on_exit:
            span.end()


_NOTHING: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)


def span(
    name: str,
    attributes: Attributes | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    links: tuple[Link, ...] = (),
) -> AbstractContextManager[Span]:
    """Surround a piece of the current request with a span; without a request there is none."""
    parent = trace.get_current_span()
    if not isinstance(parent, RecordedSpan):
        return _NOTHING
    return Entered(parent.child(name, kind, attributes, links))


def note(name: str, attributes: Attributes) -> None:
    """Note something that took no time as a span of the current request."""
    parent = trace.get_current_span()
    if isinstance(parent, RecordedSpan):
        parent.child(name, attributes=attributes).end()


def exemplar() -> dict[str, str] | None:
    """Return what leads from a measurement to the current request's trace, if that is certain to be kept."""
    current = trace.get_current_span()
    if not isinstance(current, RecordedSpan) or not current.recording.is_kept:
        return None
    return {"trace_id": trace.format_trace_id(current.get_span_context().trace_id)}


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, Problem) and error.status < 500


def _origin(exception: BaseException) -> BaseException:
    # A time-out is raised from the cancellation it made of itself, which says less than it does.
    while isinstance(exception.__cause__, Exception):
        exception = exception.__cause__
    return exception


def _type_name(exception: BaseException) -> str:
    kind = type(exception)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
