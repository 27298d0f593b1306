"""OpenTelemetry's tracer provider with spans of our own: recorded always, exported where they are kept."""

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind

from services.kit.telemetry.recording import Allowance, Decision, Keeping, Recording
from services.kit.telemetry.spans import Attributes, Entered, RecordedSpan
from services.kit.telemetry.trace_metrics import TraceMetrics


class RecordingTracerProvider(trace.TracerProvider):
    """Hands out tracers whose spans go one way, where they are kept."""

    def __init__(self, keeping: Keeping, export: Callable[[RecordedSpan], None], metrics: TraceMetrics) -> None:
        self._keeping = keeping
        self._slow_seconds = keeping.slow_after.total_seconds()
        self._allowance = Allowance(keeping.most_per_second)
        self._export = export
        self._metrics = metrics

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> "RecordingTracer":
        scope = InstrumentationScope(instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        return RecordingTracer(self, scope)

    def begin(self, caller: SpanContext | None) -> tuple[int, Recording[RecordedSpan]]:
        """Begin with a trace in this process: its id, and what is recorded of it here.

        A caller has made the id, and has chosen already whether it is sampled.
        """
        if caller is None:
            trace_id = random.getrandbits(128) or 1
            sampled = self._keeping.samples(trace_id)
        else:
            trace_id, sampled = caller.trace_id, caller.trace_flags.sampled
        return trace_id, Recording(
            sampled=sampled,
            slow_seconds=self._slow_seconds,
            allowance=self._allowance,
            export=self._export,
            decided=self._decided,
        )

    def _decided(self, first: RecordedSpan, decision: Decision) -> None:
        if first.kind is SpanKind.SERVER:
            self._metrics.decided(decision)


class RecordingTracer(trace.Tracer):
    """Makes spans for one part of the program."""

    def __init__(self, provider: RecordingTracerProvider, scope: InstrumentationScope) -> None:
        self._provider = provider
        self._scope = scope

    def start_span(  # noqa: PLR0913, PLR0917  (the API's signature)
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> RecordedSpan:
        """Begin a span below the current one, or a trace where there is none."""
        parent, given = trace.get_current_span(context), tuple(links or ())
        if isinstance(parent, RecordedSpan):
            return parent.child(name, kind, attributes, given, self._scope, start_time)
        context_of_caller = parent.get_span_context()
        caller = context_of_caller if context_of_caller.is_valid else None
        trace_id, recording = self._provider.begin(caller)
        return RecordedSpan(
            name,
            recording,
            self._scope,
            trace_id=trace_id,
            parent=caller,
            kind=kind,
            attributes=attributes,
            links=given,
            start_time=start_time,
        )

    # The API's is made of a generator, which takes longer than all of this.
    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0913, PLR0917
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> AbstractContextManager[Span]:
        """Surround a block with a span; its errors are the span's."""
        return Entered(
            self.start_span(name, context, kind, attributes, links, start_time),
            record_exception=record_exception,
            set_status=set_status_on_exception,
            end_on_exit=end_on_exit,
        )
