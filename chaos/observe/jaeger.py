"""Jaeger as a witness: the failed and the slowest traces of a run, whole; for people, never for a verdict."""

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from chaos.errors import SignalUnavailable
from chaos.facts.traces import TraceSeen, TracesSeen
from chaos.observe import jaeger_trace
from chaos.reach.http import JsonApi, is_application
from chaos.spec.door import Address, doors

MOST_OF_A_KIND = 10
_ASKED_AT_MOST = 60
"""Traces in one answer: a store gives the latest first, so an answer that is full is not all."""
_ANSWER_WITHIN_SECONDS = 5.0
_ALL_WITHIN_SECONDS = 15.0
_DURATIONS = (math.inf, 2.0, 0.5, 0.1, 0.02, 0.001)
"""From the slowest down, until there are enough."""
_FINEST = 1.1
"""Durations that differ by less than this factor are not told apart."""
_SHORTEST_SLICE_SECONDS, _MOST_SLICES = 1.0, 60


class Jaeger:
    """One Jaeger's query API. Times are seconds since the run's start, which was at Unix time `wall`.

    `pages` is where a browser finds its pages, if not at `address`.
    """

    def __init__(
        self,
        address: Address,
        wall: float,
        transport: httpx.BaseTransport | None = None,
        pages: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = JsonApi("Jaeger", address, transport, _ANSWER_WITHIN_SECONDS)
        self._pages = [one for one in (pages, *(door.plain for door in doors(address))) if one]
        self._wall = wall
        self._transport = transport
        self._clock = clock
        self._deadline = math.inf
        self._more_failed = self._more_slow = False

    def look(self, at: float, spans: Iterable[tuple[float, float]], gaps: bool = True) -> TracesSeen:
        """The failed and the slowest traces of a run with these phases, and when it has none. Never raises.

        Without `gaps` it is not asked when there was none, which takes a question for each second.
        Takes 15 s and its last answer's 10 at most, 5 where Jaeger hangs: what was told is kept, with the reason.
        """
        phases = list(spans)
        self._deadline = self._clock() + _ALL_WITHIN_SECONDS
        self._more_failed = self._more_slow = False
        failed: dict[str, TraceSeen] = {}
        slow: dict[str, TraceSeen] = {}
        missing: list[tuple[float, float]] = []
        error, asked = None, ""
        try:
            services = self._services()
            for phase in phases:
                self._failed(services, phase, failed)
            self._slowest(services, phases, slow)
            asked = _asked_by_users((failed | slow).values())
            self._missing([asked] if asked else services, phases if gaps else [], missing)
        except SignalUnavailable as silent:
            error = str(silent)
        except (AttributeError, KeyError, TypeError, ValueError) as strange:
            error = f"Jaeger: not an answer: {type(strange).__name__}: {strange}"
        known = failed | slow
        broken = [trace for trace in known.values() if trace.failed]
        others = [one for one in known.values() if not one.failed]
        others.sort(key=lambda one: (not one.was_asked, -one.took_seconds))
        return TracesSeen(
            at,
            error,
            [*_telling(broken), *others[:MOST_OF_A_KIND]],
            page=self._page(),
            whole_run=True,
            failed_found=len(broken),
            more_failed=self._more_failed,
            more_slow=self._more_slow,
            missing=missing,
            service=asked,
        )

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _services(self) -> list[str]:
        # It traces itself too.
        return sorted(service for service in self._get("/api/services") if service != "jaeger")

    def _failed(self, services: Iterable[str], phase: tuple[float, float], found: dict[str, TraceSeen]) -> None:
        for service in services:
            traces = self._ask(service, phase, tags='{"error":"true"}')
            self._more_failed |= len(traces) >= _ASKED_AT_MOST
            found |= traces

    def _slowest(self, services: list[str], phases: list[tuple[float, float]], found: dict[str, TraceSeen]) -> None:
        run = (phases[0][0], phases[-1][1]) if phases else (0.0, 0.0)
        for longest, least in itertools.pairwise(_DURATIONS):
            for service in services:
                self._lasting(service, run, least, longest, found)
            if _enough(found.values(), least):
                return

    def _lasting(
        self, service: str, run: tuple[float, float], least: float, longest: float, found: dict[str, TraceSeen]
    ) -> None:
        """All traces with a span of such a duration, or so many of the slowest that the others do not matter."""
        bounds = {"minDuration": _microseconds(least)}
        if longest < math.inf:
            bounds["maxDuration"] = _microseconds(longest)
        traces = self._ask(service, run, **bounds)
        found |= traces
        if len(traces) < _ASKED_AT_MOST:
            return
        middle = math.sqrt(least * longest) if longest < math.inf else least * 4
        if middle / least < _FINEST:
            self._more_slow = True
            return
        self._lasting(service, run, middle, longest, found)
        if not _enough(found.values(), middle):
            self._lasting(service, run, least, middle, found)

    def _missing(
        self, services: list[str], phases: list[tuple[float, float]], missing: list[tuple[float, float]]
    ) -> None:
        if not phases:
            return
        start, end = phases[0][0], phases[-1][1]
        slices = min(max(int((end - start) / _SHORTEST_SLICE_SECONDS), 1), _MOST_SLICES)
        step = (end - start) / slices
        for number in range(slices):
            one = (start + number * step, start + (number + 1) * step)
            if not any(self._find(service, one, 1) for service in services):
                if missing and missing[-1][1] == one[0]:
                    one = (missing.pop()[0], one[1])
                missing.append(one)

    def _ask(self, service: str, when: tuple[float, float], **what: str) -> dict[str, TraceSeen]:
        found = self._find(service, when, _ASKED_AT_MOST, **what)
        return {trace["traceID"]: jaeger_trace.seen(trace, self._wall) for trace in found if trace["spans"]}

    def _find(self, service: str, when: tuple[float, float], limit: int, **what: str) -> list[Any]:
        start, end = (round((self._wall + moment) * 1e6) for moment in when)
        return self._get("/api/traces", service=service, start=start, end=end, limit=limit, **what)

    def _get(self, path: str, **parameters: str | float) -> list[Any]:
        if self._clock() > self._deadline:
            raise SignalUnavailable(f"Jaeger: not everything was asked for within {_ALL_WITHIN_SECONDS:g} s")
        return list(self._api.get(path, **parameters)["data"] or ())

    def _page(self) -> str:
        return next((f"{url}/trace/" for url in self._pages if is_application(url, "Jaeger UI", self._transport)), "")


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.0f}us"


def _enough(traces: Iterable[TraceSeen], least: float) -> bool:
    """Whether there are so many that whatever took less than this is not among the slowest that somebody asked for."""
    slow = (trace for trace in traces if trace.was_asked and not trace.failed and trace.took_seconds >= least)
    return sum(1 for _ in slow) >= MOST_OF_A_KIND


def _telling(traces: Iterable[TraceSeen]) -> list[TraceSeen]:
    """Of each kind of failure the slowest first, then the second of each kind, and so on."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for trace in sorted(traces, key=lambda one: -one.took_seconds):
        kind = (trace.root, trace.detail)
        ranked.append((seen[kind], trace))
        seen[kind] += 1
    # Where its first span failed, somebody was refused; elsewhere it was a part that did, and was made good.
    ranked.sort(key=lambda pair: (pair[0], not pair[1].was_refused))
    return [trace for _, trace in ranked[:MOST_OF_A_KIND]]


def _asked_by_users(traces: Iterable[TraceSeen]) -> str:
    """The service in which most traces begin: a pager that gets a heartbeat says nothing of users."""
    roots = Counter(trace.spans[0].service for trace in traces if trace.spans)
    return max(roots, key=lambda service: (roots[service], service), default="")
