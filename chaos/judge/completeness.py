"""Judges the evidence itself: what is missing, so that silence and success are never taken on trust."""

from collections import Counter
from collections.abc import Iterable, Sequence

from chaos.facts.alerts import AlertmanagerSeen, HistoryAsked, PrometheusSeen
from chaos.facts.files import LEDGER_FILE, LOAD_FILE, SESSIONS_FILE
from chaos.facts.pages import PagerSeen, PageSeen
from chaos.facts.recording import Recording
from chaos.facts.run import FaultProof, PhaseBegan, RunEnded, RunStarted, StagedInjected, StagedUndone
from chaos.judge import clocks, heartbeat
from chaos.judge.alert_evidence import running
from chaos.judge.blindness import HEARTBEAT_NEEDS, Blinded, Blindness
from chaos.judge.measures import rate_held
from chaos.judge.others import others
from chaos.judge.window import Window
from chaos.spec.pace import Pace
from chaos.verdict import run_finding as found
from chaos.verdict.run_finding import EvidenceFinding

_MISSED_LOOKS = 2
_LATE_SECONDS = 3.0
"""A source that misses more looks than that, and is later on a busy machine, may have missed something."""


def missing(recording: Recording, span: Window) -> list[EvidenceFinding]:
    """One finding for each gap in the evidence; empty when all is there but for what the faults blind by design."""
    blindness = Blindness.of(recording, span)
    users = [*_counted(recording), *_load(recording, span), *_fault(recording, span)]
    started = recording.first(RunStarted)
    if started is not None and not started.alerts_judged:
        return users
    return [
        *users,
        *clocks.missing(recording),
        *_prometheus(recording, span, blindness),
        *_alertmanager(recording, span, blindness),
        *_pager(recording, span, blindness),
    ]


def _counted(recording: Recording) -> Iterable[EvidenceFinding]:
    """Who writes says at the end how much it wrote."""
    ended = recording.first(RunEnded)
    there = Counter(str(type(fact).__struct_config__.tag) for fact in recording.facts)
    for kind, number in (ended.wrote if ended else {}).items():
        if there[kind] < number:
            yield found.FactsLost(kind, number - there[kind])
    sessions = recording.sessions.lines if recording.sessions else 0
    read = {LOAD_FILE: recording.load.lines - 1, LEDGER_FILE: recording.orders.lines, SESSIONS_FILE: sessions}
    for file, number in recording.load.wrote.items():
        if file in read and read[file] < number:
            yield found.FactsLost(file, number - read[file])


def _load(recording: Recording, span: Window) -> Iterable[EvidenceFinding]:
    if span.baseline is None:
        yield found.LoadNeverAtRate()
        return
    started = recording.first(RunStarted)
    assert started is not None
    held = rate_held(recording.load.ticks, started.rate_per_second, span.baseline, span.end)
    if held.missing_seconds:
        yield found.LoadStoodStill(held.missing_seconds)
    elif not held:
        yield found.LoadOffRate(held.lowest_per_second, held.highest_per_second, started.rate_per_second)
    if not recording.load.complete:
        yield found.LoadCutOff()


def _fault(recording: Recording, span: Window) -> Iterable[EvidenceFinding]:
    if span.injected is None or span.undone is None:
        return
    # While it is put in place and put back, which may take long, its proof is the injection's and the undo's own.
    began = {fact.phase: fact.at for fact in recording.all(PhaseBegan)}
    start, end = began.get("hold", span.injected), span.undoing or span.undone
    if gap := _unwatched(recording, span, None, (start, end)):
        yield found.FaultUnwatched(gap)
    undone = {fact.staged: fact.at for fact in recording.all(StagedUndone)}
    for staged in recording.all(StagedInjected):
        over = min(undone.get(staged.staged, end), end)
        if gap := _unwatched(recording, span, staged.staged, (staged.at, over)):
            yield found.FaultUnwatched(gap, staged.staged)


def _unwatched(recording: Recording, span: Window, staged: int | None, lasted: tuple[float, float]) -> float | None:
    """For how long nobody proved this fault, if too long; where people ended a round, until it was seen to be gone."""
    proofs = [proof for proof in recording.all(FaultProof) if proof.staged == staged]
    gone = [proof.at for proof in proofs if not proof.in_place] if span.mitigated is not None else []
    start, end = lasted[0], min([lasted[1], *gone])
    held = Window(start, start, end, end, end)
    return _gap([proof.at for proof in proofs if proof.in_place], held, longest_gap(recording.pace))


def _prometheus(recording: Recording, span: Window, blindness: Blindness) -> Iterable[EvidenceFinding]:
    looks = recording.all(PrometheusSeen)
    good = [look.at for look in looks if look.error is None]
    if gap := _gap(good, span, longest_gap(recording.pace), blindness.by("prometheus")):
        yield found.SourceSilent("Prometheus", gap, _last_error(looks))
        return
    if not any(asked.error is None for asked in recording.all(HistoryAsked)):
        yield found.AlertHistoryMissing()
    started = recording.first(RunStarted)
    assert started is not None
    rules = running(looks, blindness, span)
    if not rules:
        yield found.NoRules()
    listed = {window.name for window in recording.experiment.alerts}
    if silent := sorted(set(started.known_alerts) - rules - listed - others(recording)):
        yield found.RulesNotRunning(silent)


def _alertmanager(recording: Recording, span: Window, blindness: Blindness) -> Iterable[EvidenceFinding]:
    looks = recording.all(AlertmanagerSeen)
    good = [look.at for look in looks if look.error is None]
    if gap := _gap(good, span, longest_gap(recording.pace), blindness.by("alertmanager")):
        yield found.SourceSilent("Alertmanager", gap, _last_error(looks))


def _pager(recording: Recording, span: Window, blindness: Blindness) -> Iterable[EvidenceFinding]:
    looks = recording.all(PagerSeen)
    # What arrived in a gap is in the pager's journal: only the last look has to succeed, after all has happened.
    if not looks or looks[-1].error is not None:
        yield found.PagerSilentAtEnd(_last_error(looks))
    elif looks[-1].at < span.end:
        yield found.ObserverEnded("the pager", span.end - looks[-1].at)
    started = recording.first(RunStarted)
    if started and started.heartbeat_receiver:
        pages = recording.all(PageSeen)
        beats = [page.at for page in pages if page.receiver == started.heartbeat_receiver and page.accepted]
        longest = heartbeat.longest_gap(recording, started.heartbeat_receiver)
        if gap := _gap(beats, span, longest, blindness.by(*HEARTBEAT_NEEDS)):
            yield found.HeartbeatMissing(gap)


def longest_gap(pace: Pace) -> float:
    """For so many seconds a source may be silent that is looked at regularly."""
    return _MISSED_LOOKS * pace.look + _LATE_SECONDS


def _last_error(looks: Sequence[PrometheusSeen | AlertmanagerSeen | PagerSeen]) -> str:
    return next((look.error for look in reversed(looks) if look.error), "")


def _gap(times: list[float], span: Window, longest: float, blinded: Iterable[Blinded] = ()) -> float:
    """The longest time without one of these between baseline and end, if it is too long; else 0.

    What lies within a span in which it was blinded is left out, whatever it told in there.
    """
    start = span.baseline if span.baseline is not None else 0.0
    seen = [(start, start), *((at, at) for at in times if start <= at <= span.end), (span.end, span.end)]
    seen += [(max(start, one.start), min(span.end, one.end)) for one in blinded]
    gap, until = 0.0, start
    for begin, end in sorted(seen):
        gap, until = max(gap, begin - until), max(until, end)
    return gap if gap > longest else 0.0
