"""Reads one trace of Jaeger's JSON: who asked what of whom, how long it took, what failed; bounded."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from chaos.facts.traces import SpanSeen, TraceSeen

MOST_SPANS = 60
_MOST_ATTRIBUTES = 12
_LONGEST_TEXT = 200
_SAID_ELSEWHERE = frozenset(
    {
        "error", "internal.span.format", "otel.status_code", "span.kind",
        "otel.scope.name", "otel.scope.version", "otel.library.name", "otel.library.version",
    }
)  # fmt: skip
"""Tags of Jaeger's own, and of what made the span."""
_TOLD_LAST = ("url.scheme", "network.", "net.", "user_agent.", "client.", "server.", "http.host", "http.flavor")
"""What is the same in most spans: the first to go where there is too much."""

Json = dict[str, Any]


def seen(trace: Json, wall: float) -> TraceSeen:
    """The trace, whose times are counted from Unix time `wall`. Raises KeyError, TypeError or ValueError."""
    spans = sorted((_plain(span) for span in trace["spans"]), key=lambda span: float(span["startTime"]))
    parents = {span["spanID"]: _parent(span) for span in spans}
    # Whose parent is not of this trace is the root; a load balancer that keeps no span may have begun it.
    tops = [span for span in spans if parents[span["spanID"]] not in parents] or spans[:1]
    root = next((span for span in tops if not parents[span["spanID"]]), tops[0])
    broken = [span for span in spans if failed(span)]
    kept = _kept(spans, parents, root)
    made = [_span(span, trace, float(spans[0]["startTime"]), parents) for span in kept]
    return TraceSeen(
        id=str(trace["traceID"]),
        root=f"{_service(root, trace)}: {_short(root['operationName'])}",
        began=float(root["startTime"]) / 1e6 - wall,
        took_seconds=float(root["duration"]) / 1e6,
        failed=bool(broken),
        detail=_detail(broken[-1], trace) if broken else "",
        spans=made,
        left_out=len(spans) - len(made),
        lost_parents=len([span for span in tops if span is not root and parents[span["spanID"]]]),
    )


def failed(span: Json) -> bool:
    """Whether the span says of itself that it did."""
    return _tag(span, "error") in (True, "true")


def _plain(span: Json) -> Json:
    """The span with an id that is text and times that a recording can hold. Raises ValueError or TypeError."""
    began, took = float(span["startTime"]), float(span["duration"])
    if not (math.isfinite(began) and math.isfinite(took)) or took < 0:
        raise ValueError(f"a span from {began} of {took} microseconds")
    return span | {"spanID": str(span["spanID"]), "startTime": began, "duration": took}


def _kept(spans: Sequence[Json], parents: dict[str, str], root: Json) -> list[Json]:
    """The root, what failed, what took longest, and what these are parts of; in the order in which they began."""
    by_id = {span["spanID"]: span for span in spans}
    keep = {root["spanID"]}
    for span in sorted(spans, key=lambda one: (not failed(one), -float(one["duration"]))):
        above: set[str] = set()
        at = span["spanID"]
        while at in by_id and at not in keep and at not in above and len(keep) + len(above) <= MOST_SPANS:
            above.add(at)
            at = parents[at]
        if len(keep) + len(above) <= MOST_SPANS:
            keep |= above
        if len(keep) == MOST_SPANS:
            break
    return [root, *(span for span in spans if span is not root and by_id.get(span["spanID"]) is span
                    and span["spanID"] in keep)]  # fmt: skip


def _span(span: Json, trace: Json, zero: float, parents: dict[str, str]) -> SpanSeen:
    parent = parents[span["spanID"]]
    return SpanSeen(
        id=str(span["spanID"]),
        parent=parent if parent in parents else "",
        service=_service(span, trace),
        instance=str(_tag(trace["processes"][span["processID"]], "service.instance.id") or "")[:_LONGEST_TEXT],
        name=_short(span["operationName"]),
        began=(float(span["startTime"]) - zero) / 1e6,
        took_seconds=float(span["duration"]) / 1e6,
        failed=failed(span),
        attributes=_attributes(span),
        kind=_short(_tag(span, "span.kind") or ""),
    )


def _attributes(span: Json) -> dict[str, str]:
    told = {str(tag["key"]): tag["value"] for tag in span.get("tags") or ()}
    for log in span.get("logs") or ():
        fields = {str(field["key"]): field["value"] for field in log["fields"]}
        told |= {key: fields[key] for key in ("exception.type", "exception.message") if key in fields}
    wanted = sorted((key for key in told if key not in _SAID_ELSEWHERE), key=lambda key: key.startswith(_TOLD_LAST))
    return {key[:_LONGEST_TEXT]: _short(told[key]) for key in wanted[:_MOST_ATTRIBUTES]}


def _service(span: Json, trace: Json) -> str:
    return _short(trace["processes"][span["processID"]]["serviceName"])


def _parent(span: Json) -> str:
    above: Iterable[str] = (
        str(reference["spanID"]) for reference in span.get("references") or () if reference["refType"] == "CHILD_OF"
    )
    return next(iter(above), "")


def _tag(of: Json, name: str) -> Any:
    return next((tag["value"] for tag in of.get("tags") or () if tag["key"] == name), None)


def _detail(span: Json, trace: Json) -> str:
    """The span that began last of those that failed, which is where an error usually comes from."""
    why = _tag(span, "otel.status_description") or _tag(span, "error.type") or _tag(span, "http.response.status_code")
    return _short(f"{_service(span, trace)}: {span['operationName']}{f': {why}' if why else ''}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
