"""Judges a claim: what its recording gives is held against its bounds, unless the recording can say nothing."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import COMPLETED, BusySeen, ClaimEnded, ClaimStarted, LimitSeen, LoadSeen, Noted
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import knee_seen
from chaos.spec.claims.claim import MeasureBound
from chaos.verdict.claims import (
    BoundResult,
    ClaimEndedEarly,
    ClaimFactsLost,
    ClaimFinding,
    ClaimVerdict,
    ClientFull,
    ClientLate,
    LimitTooLow,
    LimitUnknown,
    MachineBusy,
    MachineUnseen,
    Measure,
    Picture,
)
from chaos.verdict.verdict import Outcome

MOST_OF_A_CORE = 0.9
"""That the load's process may take: beyond, its own time is in what it measures."""


class Reader(Protocol):
    """What is known of one claim alone: a module of this package."""

    def measures(self, seen: ClaimRecording) -> Iterable[Measure]:
        """Every number that follows; one that cannot be known is left out, and its bound is inconclusive."""

    def pictures(self, seen: ClaimRecording) -> Iterable[Picture]:
        """What is drawn."""


def judge(name: str, seen: ClaimRecording, reader: Reader) -> ClaimVerdict:
    """The verdict of one claim; the same recording gives the same verdict."""
    claim, started, ended = seen.claim, seen.first(ClaimStarted), seen.first(ClaimEnded)
    assert started is not None, "a recording begins with it"
    findings = list(_findings(seen))
    # What is not a number, or endless, is not known; JSON has no word for it either.
    measures = [one for one in reader.measures(seen) if all(map(math.isfinite, (one.value, one.low, one.high)))]
    results = [_bound(bound, {one.name: one for one in measures}) for bound in claim.bounds]
    return ClaimVerdict(
        claim=name,
        number=claim.number,
        title=claim.title,
        article=claim.article,
        said=claim.claim,
        outcome=_outcome(findings, results),
        bounds=results,
        findings=findings,
        measures=measures,
        pictures=list(reader.pictures(seen)),
        notes=[note.text for note in seen.all(Noted)],
        limits={one.name: one.value for one in seen.all(LimitSeen)},
        started=started.wall,
        seconds=ended.at if ended else max(fact.at for fact in seen.facts),
        revision=started.revision,
        dirty=started.dirty,
        machine=started.machine,
        deviation=started.deviation,
    )


def _outcome(findings: list[ClaimFinding], results: list[BoundResult]) -> Outcome:
    # Of what is missing nobody knows what it would have said: it refutes nothing either.
    if findings:
        return Outcome.INCONCLUSIVE
    outcomes = {result.outcome for result in results}
    for worst in (Outcome.DEVIATED, Outcome.INCONCLUSIVE):
        if worst in outcomes:
            return worst
    return Outcome.HELD


def _bound(bound: MeasureBound, measures: Mapping[str, Measure]) -> BoundResult:
    seen = measures.get(bound.measure)
    outcome = Outcome.INCONCLUSIVE
    if seen is not None:
        at_the_ends = {bound.wanted.holds(seen.low), bound.wanted.holds(seen.high)}
        # What the whole interval says is said; where its ends disagree nobody knows.
        if at_the_ends == {True}:
            outcome = Outcome.HELD
        elif at_the_ends == {False}:
            outcome = Outcome.DEVIATED
    return BoundResult(bound.name, bound.measure, str(bound.wanted), bound.because, outcome, seen)


def _findings(seen: ClaimRecording) -> Iterable[ClaimFinding]:
    yield from _whole(seen)
    yield from _limits(seen)
    yield from _machine(seen)
    # The last steps of a search are meant to be too much for the machine; knee_seen asks whether it was the client.
    loads = [load for load in seen.all(LoadSeen) if knee_seen.SEARCH not in load.labels]
    yield from _client(loads, seen.claim.lag.in_seconds)


def _whole(seen: ClaimRecording) -> Iterable[ClaimFinding]:
    ended = seen.first(ClaimEnded)
    if ended is None:
        yield ClaimEndedEarly("cut off", "its recording has no end")
        return
    if ended.how != COMPLETED:
        yield ClaimEndedEarly(ended.how, ended.detail)
    there = Counter(str(type(fact).__struct_config__.tag) for fact in seen.facts if fact is not ended)
    if lost := [kind for kind in ended.wrote.keys() | there.keys() if ended.wrote.get(kind, 0) != there[kind]]:
        yield ClaimFactsLost(sorted(lost))


def _limits(seen: ClaimRecording) -> Iterable[ClaimFinding]:
    limits = {one.name: one for one in seen.all(LimitSeen)}
    for name, needed in seen.claim.needs.items():
        limit = limits.get(name)
        if limit is None:
            yield LimitUnknown(name)
        elif limit.value < needed:
            yield LimitTooLow(name, limit.value, needed, limit.how)


def _machine(seen: ClaimRecording) -> Iterable[ClaimFinding]:
    looks = seen.all(BusySeen)
    # A machine that nobody looked at is not a quiet one.
    if not looks:
        yield MachineUnseen()
    for busy in looks:
        if busy.cores > seen.claim.busy_cores:
            yield MachineBusy(busy.cores, seen.claim.busy_cores)


def _client(loads: Iterable[LoadSeen], most_late: float) -> Iterable[ClaimFinding]:
    """The stages in which the client was worst; of the others their number."""
    late, full = [], []
    for load in loads:
        p99 = histogram.quantile(load.lag, 0.99)
        if p99 is None or p99 > most_late:
            late.append((math.inf if p99 is None else p99, of_load(load)))
        # A burst is sent in one go, which is what it is for.
        if load.lasted >= 1.0 and (share := load.cpu_seconds / load.lasted) > MOST_OF_A_CORE:
            full.append((share, of_load(load)))
    if late:
        worst, name = max(late)
        yield ClientLate(name, worst if math.isfinite(worst) else None, most_late, len(late) - 1)
    if full:
        worst, name = max(full)
        yield ClientFull(name, worst, MOST_OF_A_CORE, len(full) - 1)


def of_load(load: LoadSeen) -> str:
    """What a stage of a load is called."""
    labels = " ".join(f"{name}={value}" for name, value in sorted(load.labels.items()))
    return f"{load.profile}[{load.stage}]{' ' if labels else ''}{labels}"
