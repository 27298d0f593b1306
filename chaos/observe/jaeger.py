"""Jaeger as a witness: some failed and some slow traces of a span of time; for people, never for a verdict."""

from collections.abc import Iterable
from typing import Any

import httpx

from chaos.errors import SignalUnavailable
from chaos.facts import TraceSeen, TracesSeen
from chaos.observe.http import JsonApi

SLOW_SECONDS = 0.25
"""A trace that took this long is worth a look; a healthy request takes a twentieth of it."""
_MOST_OF_A_KIND = 5
_ASKED_AT_MOST = 100
_TIMEOUT_SECONDS = 5.0


class Jaeger:
    """One Jaeger's query API. Times are seconds since the run's start, which was at Unix time `wall`."""

    def __init__(self, url: str, wall: float, transport: httpx.BaseTransport | None = None) -> None:
        self._api = JsonApi("Jaeger", url, transport, _TIMEOUT_SECONDS)
        self._wall = wall
        self._page = f"{url}/trace/"

    def look(self, at: float, start: float, end: float) -> TracesSeen:
        """The slowest of the failed and of the slow traces between `start` and `end`. Never raises."""
        try:
            found = list(self._traces(start, end))
        except SignalUnavailable as error:
            return TracesSeen(at, str(error), SLOW_SECONDS, self._page)
        except (KeyError, TypeError, ValueError) as error:
            return TracesSeen(at, f"Jaeger: not an answer: {type(error).__name__}: {error}", SLOW_SECONDS, self._page)
        failed = [trace for trace in found if trace.failed]
        slow = [trace for trace in found if not trace.failed and trace.took_seconds >= SLOW_SECONDS]
        return TracesSeen(at, None, SLOW_SECONDS, self._page, [*_slowest(failed), *_slowest(slow)])

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _traces(self, start: float, end: float) -> Iterable[TraceSeen]:
        span: dict[str, str | float] = {
            "start": round((self._wall + start) * 1e6),
            "end": round((self._wall + end) * 1e6),
            "limit": _ASKED_AT_MOST,
        }
        known: dict[str, TraceSeen] = {}
        for service in self._api.get("/api/services")["data"] or ():
            # It traces itself too.
            if service != "jaeger":
                for kind in ({"tags": '{"error":"true"}'}, {"minDuration": f"{SLOW_SECONDS * 1000:g}ms"}):
                    answer = self._api.get("/api/traces", service=service, **span, **kind)
                    known |= {trace["traceID"]: self._trace(trace) for trace in answer["data"] or () if trace["spans"]}
        return known.values()

    def _trace(self, trace: dict[str, Any]) -> TraceSeen:
        spans = sorted(trace["spans"], key=lambda span: float(span["startTime"]))
        ids = {span["spanID"] for span in spans}
        # Whose parent is not of this trace is the root; a load balancer that keeps no span may have begun it.
        root = next((span for span in spans if not ids & _parents(span)), spans[0])
        broken = [span for span in spans if _tag(span, "error") in (True, "true")]
        service = trace["processes"][root["processID"]]["serviceName"]
        return TraceSeen(
            id=trace["traceID"],
            root=f"{service}: {root['operationName']}",
            began=float(root["startTime"]) / 1e6 - self._wall,
            took_seconds=float(root["duration"]) / 1e6,
            failed=bool(broken),
            detail=_detail(broken[-1], trace) if broken else "",
        )


def _slowest(traces: Iterable[TraceSeen]) -> list[TraceSeen]:
    return sorted(traces, key=lambda trace: trace.took_seconds, reverse=True)[:_MOST_OF_A_KIND]


def _parents(span: dict[str, Any]) -> set[str]:
    return {reference["spanID"] for reference in span.get("references") or () if reference["refType"] == "CHILD_OF"}


def _tag(span: dict[str, Any], name: str) -> Any:
    return next((tag["value"] for tag in span.get("tags") or () if tag["key"] == name), None)


def _detail(span: dict[str, Any], trace: dict[str, Any]) -> str:
    """The span that began last of those that failed, which is where an error usually comes from."""
    service = trace["processes"][span["processID"]]["serviceName"]
    why = _tag(span, "otel.status_description") or _tag(span, "error.type") or _tag(span, "http.response.status_code")
    return f"{service}: {span['operationName']}{f': {why}' if why else ''}"[:200]
