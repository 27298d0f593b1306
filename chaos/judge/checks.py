"""Judges the steady state: every check in every phase for which it has a bound."""

from collections.abc import Sequence

import msgspec

from chaos.facts.metrics import QueryHistory
from chaos.facts.recording import Facts
from chaos.facts.samples import Request
from chaos.judge import measures
from chaos.judge.blindness import Blindness
from chaos.judge.measures import Phase
from chaos.judge.window import Window
from chaos.spec import load
from chaos.spec.experiment import SteadyState
from chaos.spec.values import Bound
from chaos.verdict.result_finding import (
    BackAfter,
    CheckFinding,
    NotBack,
    PhaseNeverCame,
    RequestsTooFew,
    SamplesBroken,
    SamplesMissing,
    WatchedTooShort,
)
from chaos.verdict.results import CheckResult

FEWEST_REQUESTS = load.FEWEST_REQUESTS
_LOOK_EVERY_SECONDS = 0.5
_LOOK_EVERY_SHARE = 0.02
"""Of what has passed since the undo: half a second until it is 25."""
_CUT_OFF_SECONDS = 2.0
"""Besides a look, an answer was asked for at most this long before the end that it has to cover."""


def judge(recording: Facts, span: Window) -> list[CheckResult]:
    """One result for each check and phase with a bound, also for a phase that the run never came to."""
    results = []
    for check in recording.experiment.steady_state:
        for phase in Phase:
            bound = check.bound(phase.value)
            if bound is not None:
                result = _judge(check, phase, bound, recording, span)
                if check.from_load and not result.holds:
                    frequent = measures.most_frequent(span.requests(recording, phase))
                    result = msgspec.structs.replace(result, frequent=frequent)
                results.append(result)
    return results


def recovered_at(recording: Facts, span: Window) -> float | None:
    """Since when every `after` check holds for good, with `settled_seconds` to show for it; None: it does not."""
    if span.undone is None:
        return None
    starts = [span.undone]
    for check in recording.experiment.steady_state:
        if check.after is not None:
            start = _held_since(check, check.after, recording, span)
            if start is None:
                return None
            starts.append(start)
    return max(starts) if max(starts) + recording.pace.settled_seconds <= span.end else None


def _judge(check: SteadyState, phase: Phase, bound: Bound, recording: Facts, span: Window) -> CheckResult:
    bounds = span.bounds(phase)
    if bounds is None:
        return _result(check, phase, bound, None, PhaseNeverCame())
    if phase is not Phase.AFTER:
        return _result(check, phase, bound, *_measure(check, bound, recording, span, phase, *bounds))
    since = _held_since(check, bound, recording, span)
    within = recording.experiment.recover_within.in_seconds
    if since is not None and since - bounds[0] <= within:
        measured, finding = _measure(check, bound, recording, span, phase, since, span.end)
        return _result(check, phase, bound, measured, finding or BackAfter(since - bounds[0]))
    settled = recording.pace.settled_seconds
    start = min(bounds[0] + within, max(bounds[0], span.end - settled))
    measured, finding = _measure(check, bound, recording, span, phase, start, span.end)
    if measured is None:
        return _result(check, phase, bound, None, finding)
    short = span.end - bounds[0] < settled
    holds, why = (None, WatchedTooShort()) if short else (False, NotBack(within))
    return CheckResult(check.name, check.query, phase.value, str(bound), measured, holds, why)


def _held_since(check: SteadyState, bound: Bound, recording: Facts, span: Window) -> float | None:
    """The earliest moment after the undo from which the check holds over all that follows, to the end.

    The later, the less exactly: of a run of hours every half second would be asked for in vain.
    """
    assert span.undone is not None
    start = span.undone
    while start + recording.pace.settled_seconds <= span.end:
        measured, _ = _measure(check, bound, recording, span, Phase.AFTER, start, span.end)
        if measured is not None and bound.holds(measured):
            return start
        start += max(_LOOK_EVERY_SECONDS, _LOOK_EVERY_SHARE * (start - span.undone))
    return None


def _measure(
    check: SteadyState, bound: Bound, recording: Facts, span: Window, phase: Phase, start: float, end: float
) -> tuple[float | None, CheckFinding | None]:
    if not check.from_load:
        return _worst(_samples(recording, check.query, span, start, end), bound, _answer(recording, check.query))
    requests = [one for one in span.requests(recording, phase) if phase is not Phase.AFTER or one.at >= start]
    if len(requests) < FEWEST_REQUESTS:
        return None, RequestsTooFew(len(requests), FEWEST_REQUESTS)
    return load_metric(check.query, requests, end - start), None


def load_metric(query: str, requests: Sequence[Request], seconds: float) -> float | None:
    """The value of a `load:…` query over these requests, sent in a span of so many seconds."""
    match query:
        case "load:failed:ratio":
            return measures.failed_ratio(requests)
        case "load:latency:p50":
            return measures.quantile(requests, 0.5)
        case "load:latency:p99":
            return measures.quantile(requests, 0.99)
        case "load:requests:rate":
            return len(requests) / seconds
    raise AssertionError(f"{query} was accepted by validation and is unknown here")


def _samples(recording: Facts, query: str, span: Window, start: float, end: float) -> list[float | None]:
    # A Prometheus that was down fills the hole with its last samples when it is back: nobody scraped them.
    blindness = Blindness.of(recording, span)
    histories = [history for history in recording.all(QueryHistory) if history.query == query]
    samples = [
        None if blindness.blinded("prometheus", at) else value
        for history in histories[-1:]
        for at, value in history.samples
        if start <= at <= end
    ]
    # An answer that ends too early says nothing about the rest.
    cut_off = not histories or histories[-1].at < end - _CUT_OFF_SECONDS - recording.pace.look
    return [*samples, None] if cut_off else samples


def _answer(recording: Facts, query: str) -> QueryHistory | None:
    histories = [history for history in recording.all(QueryHistory) if history.query == query]
    return histories[-1] if histories else None


def _worst(
    samples: Sequence[float | None], bound: Bound, answer: QueryHistory | None
) -> tuple[float | None, CheckFinding | None]:
    """The value that breaks the bound, if one does; else missing data; else the last value."""
    broken = [value for value in samples if value is not None and not bound.holds(value)]
    if broken:
        return broken[0], SamplesBroken(len(broken), len(samples))
    missing = sum(value is None for value in samples)
    if missing or not samples:
        said = (answer.error or "", answer.series, answer.several) if answer else ()
        return None, SamplesMissing(missing, len(samples), *said)
    return samples[-1], None


def _result(
    check: SteadyState, phase: Phase, bound: Bound, measured: float | None, finding: CheckFinding | None
) -> CheckResult:
    holds = None if measured is None else bound.holds(measured)
    return CheckResult(check.name, check.query, phase.value, str(bound), measured, holds, finding)
