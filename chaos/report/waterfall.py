"""Recorded traces as waterfalls: from spans to rows with places on an axis. Pure; the templates draw it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chaos.facts.recording import Recording
from chaos.facts.samples import Request
from chaos.facts.traces import SpanSeen, TraceSeen, TracesSeen
from chaos.report import durations
from chaos.verdict.verdict import Verdict

_TICKS = 4
_DEEPEST = 8
"""Further down rows are not indented, or a phone had no room for their names."""
_NARROWEST = 0.4
"""Width of a bar, in hundredths of the axis, that can still be seen."""
_HUES = 4
_MOST_GAPS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One span: its label, and its bar in hundredths of the axis."""

    depth: int
    place: str
    """The service's instance, or the service where it has no instances."""
    name: str
    left: float
    width: float
    hue: int
    took_seconds: float
    failed: bool
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One trace."""

    id: str
    link: str
    """Where a browser finds it while the stack is up; empty where no page answered."""
    asked: str
    """What the user asked: method and path where they are known, else the first span's name."""
    place: str
    failed: bool
    refused: bool
    """Whether it failed as a whole; else a part of it did, and was made good."""
    status: str
    """What was answered."""
    took_seconds: float
    after: float
    """When it began, in seconds since the injection, or since the run's start where there was none."""
    phase: str
    detail: str
    ticks: list[float]
    """Seconds at equal distances on the axis."""
    rows: list[Row]
    notes: list[str]
    """What of it is missing, and why."""


@dataclass(frozen=True, slots=True)
class Traces:
    """All that there is to show of a run's traces."""

    failed: list[Waterfall]
    slowest: list[Waterfall]
    notes: list[str]
    """What is missing."""
    linked: bool
    asked: bool = True
    """Whether a trace store was asked at all."""


def of(recording: Recording, verdict: Verdict) -> Traces:
    """The waterfalls of a run, and what is missing of its traces."""
    seen = recording.first(TracesSeen)
    if seen is None:
        why = "No traces were read: the target names no trace store, or the run ended before they were."
        return Traces([], [], [why], linked=False, asked=False)
    if seen.in_the_making:
        why = f"No traces: {seen.in_the_making}, was still being built. Runs that begin when it is there have some."
        return Traces([], [], [why], linked=False, asked=False)
    page = seen.page if seen.page.startswith(("http://", "https://")) else ""
    drawn = [_waterfall(trace, page, verdict) for trace in seen.traces]
    return Traces(
        failed=sorted((one for one in drawn if one.failed), key=lambda one: one.after),
        slowest=[one for one in drawn if not one.failed],
        notes=list(_notes(seen, recording, verdict)),
        linked=page != "",
    )


def _notes(seen: TracesSeen, recording: Recording, verdict: Verdict) -> Iterable[str]:
    if seen.error:
        yield f"Jaeger did not tell everything: {seen.error}"
    if not seen.whole_run:
        yield (
            "This recording is of before spans were kept: it names failed traces of the fault window and those that "
            f"took {seen.slow_seconds:g} s or longer, and cannot draw them."
        )
        return
    failed = sum(trace.failed for trace in seen.traces)
    if seen.failed_found > failed:
        found = f"{'at least ' * seen.more_failed}{seen.failed_found}"
        yield f"{failed} of {found} failed traces are shown, of each kind of failure some."
    if seen.more_slow:
        yield "Jaeger has more slow traces than it was asked for: there may be others about as slow as these."
    sent = sum(phase.requests for phase in verdict.phases)
    refused = sum(phase.failed for phase in verdict.phases)
    yield (
        f"Users sent {sent} requests, of which {refused} failed. One that no instance took, as when the load balancer "
        "answers itself, leaves no trace."
    )
    yield from _gaps(seen, recording.load.requests, verdict)


def _gaps(seen: TracesSeen, requests: Sequence[Request], verdict: Verdict) -> Iterable[str]:
    """The longest stretches without a trace in which users came; where none came there is nothing to miss."""
    gaps = [(start, end, [one for one in requests if start <= one.at < end]) for start, end in seen.missing]
    gaps = sorted((gap for gap in gaps if gap[2]), key=lambda gap: gap[0] - gap[1])
    for start, end, within in sorted(gaps[:_MOST_GAPS], key=lambda gap: gap[0]):
        yield _gap(f"No trace{f' of {seen.service}' if seen.service else ''}", start, end, within, verdict)
    if more := gaps[_MOST_GAPS:]:
        seconds = sum(end - start for start, end, _ in more)
        yield f"{len(more)} shorter stretches without a trace, {durations.measured(seconds, 1)} in all."


def _gap(nothing: str, start: float, end: float, within: Sequence[Request], verdict: Verdict) -> str:
    zero = verdict.injected or 0.0
    well = sum(request.ok for request in within)
    begin, over = durations.measured(start - zero, 1), durations.measured(end - zero, 1)
    return (
        f"{nothing} from {begin} to {over} after {_zero(verdict)}, when users sent "
        f"{len(within)} requests and {well} were answered well: their spans were lost, or no instance took them."
    )


def _waterfall(trace: TraceSeen, page: str, verdict: Verdict) -> Waterfall:
    link = f"{page}{trace.id}" if page else ""
    return replace(
        of_trace(trace), link=link, after=trace.began - (verdict.injected or 0.0), phase=_phase(trace, verdict)
    )


def of_trace(trace: TraceSeen) -> Waterfall:
    """The waterfall of one trace, of whose run nothing else is known: `after` counts from the run's start."""
    spans = _below(trace.spans)
    root = trace.spans[0] if trace.spans else None
    end = max((span.began + span.took_seconds for span, _ in spans), default=trace.took_seconds)
    scale = end or 1.0
    hues = list(dict.fromkeys(span.service for span in trace.spans))
    return Waterfall(
        id=trace.id,
        link="",
        asked=_asked(trace.root, root),
        place=_place(root) if root else trace.root.partition(":")[0],
        failed=trace.failed,
        refused=trace.was_refused or not trace.spans,
        status=_first(root, "http.response.status_code", "http.status_code", "rpc.grpc.status_code"),
        took_seconds=trace.took_seconds,
        after=trace.began,
        phase="",
        detail=trace.detail,
        ticks=[end * number / _TICKS for number in range(_TICKS + 1)],
        rows=[_row(span, depth, scale, hues.index(span.service) % _HUES) for span, depth in spans],
        notes=list(_cuts(trace)),
    )


def _row(span: SpanSeen, depth: int, scale: float, hue: int) -> Row:
    left = min(max(100 * span.began / scale, 0.0), 100 - _NARROWEST)
    width = min(max(100 * span.took_seconds / scale, _NARROWEST), 100 - left)
    return Row(
        depth=min(depth, _DEEPEST),
        place=_place(span),
        name=span.name,
        left=round(left, 2),
        width=round(width, 2),
        hue=hue,
        took_seconds=span.took_seconds,
        failed=span.failed,
        attributes=span.attributes,
    )


def _below(spans: Sequence[SpanSeen]) -> list[tuple[SpanSeen, int]]:
    """Each span with its depth, parents before their parts, parts in the order in which they began."""
    parts: dict[str, list[SpanSeen]] = {}
    for span in sorted(spans, key=lambda one: one.began):
        parts.setdefault(span.parent, []).append(span)
    ids = {span.id for span in spans}
    rows: list[tuple[SpanSeen, int]] = []
    placed: set[int] = set()
    # Those of a circle are part of nothing; they come last, as if they were on top.
    waiting = [(span, 0) for span in (*(one for one in spans if one.parent not in ids), *spans)][::-1]
    while waiting:
        span, depth = waiting.pop()
        if id(span) not in placed:
            placed.add(id(span))
            rows.append((span, depth))
            waiting += [(part, depth + 1) for part in reversed(parts.get(span.id, []))]
    return rows


def _asked(name: str, root: SpanSeen | None) -> str:
    method = _first(root, "http.request.method", "http.method")
    path = _first(root, "url.path", "http.target", "url.full", "http.url")
    if not path:
        return name.partition(": ")[2] or name
    query = _first(root, "url.query")
    return f"{method} {path}{'?' * bool(query)}{query}".strip()


def _first(span: SpanSeen | None, *names: str) -> str:
    return next((span.attributes[name] for name in names if name in span.attributes), "") if span else ""


def _place(span: SpanSeen) -> str:
    named = span.instance.startswith(span.service)
    return span.instance if named else f"{span.service} {span.instance}".strip()


def _phase(trace: TraceSeen, verdict: Verdict) -> str:
    if verdict.injected is None:
        return "no fault was injected"
    if trace.began + trace.took_seconds < verdict.injected:
        return "before the fault"
    if verdict.undone is not None and trace.began > verdict.undone:
        return "after the fault"
    return "during the fault"


def _zero(verdict: Verdict) -> str:
    return "the injection" if verdict.injected is not None else "the run's start"


def _cuts(trace: TraceSeen) -> Iterable[str]:
    if trace.left_out:
        yield f"{trace.left_out} more spans were not recorded: shorter ones, in which nothing failed."
    if trace.lost_parents:
        yield f"Not whole: {trace.lost_parents} spans are parts of some that were lost."
