"""Judges whether each fault met somebody: one that hit what nobody uses was not injected."""

from collections.abc import Iterable

from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import AlertmanagerSeen, TakenAlert
from chaos.facts.pages import PageSeen
from chaos.facts.recording import Recording
from chaos.facts.run import FORMAT, FaultProof, FaultSaid, Injected, RunStarted, StagedInjected, Used
from chaos.judge.in_place import faults
from chaos.judge.window import Window
from chaos.spec.faults.measure import Measure
from chaos.verdict.run_finding import EffectUnknown, NobodyMet


def too_little(measure: str, least: float, used: Used) -> list[NobodyMet]:
    """One finding for each part that was used less than counts."""
    return [NobodyMet(measure, part, number, least) for part, number in used.parts.items() if number < least]


def nobody_met(recording: Recording, span: Window) -> list[NobodyMet]:
    """One finding for each fault, staged ones too, and each part of it that met nobody."""
    found: list[NobodyMet] = []
    for index, said, start, used in _in_place(recording):
        if said.before:
            found += too_little(said.measure, said.least, used) if used is not None else []
        elif (number := _while_it_lasted(recording, span, said, index, start)) is not None and number < said.least:
            found.append(NobodyMet(said.measure, said.words, number, said.least))
    return found


def unknown(recording: Recording, span: Window) -> list[EffectUnknown]:
    """One finding for each fault of which nobody can say whether it met somebody, though it could have been told."""
    return [
        EffectUnknown(said.words)
        for index, said, start, used in _in_place(recording)
        if (used is None if said.before else _while_it_lasted(recording, span, said, index, start) is None)
    ]


def unmeasured(recording: Recording) -> list[str]:
    """Why nobody could tell, in the words of who tried, where it cannot be looked at from where we ran."""
    return [used.why_not for _, _, _, used in _in_place(recording) if used is not None and used.why_not]


def _in_place(recording: Recording) -> Iterable[tuple[int | None, FaultSaid, float, Used | None]]:
    """Every fault that was injected and can be measured: which, what it said, when it began, what was used of it."""
    started = recording.first(RunStarted)
    if started is None or started.format < FORMAT:
        return
    main, *staged = faults(recording)
    injected = recording.first(Injected)
    if injected is not None and main.measure:
        yield None, main, injected.at, injected.used
    for fact in recording.all(StagedInjected):
        if staged[fact.staged].measure:
            yield fact.staged, staged[fact.staged], fact.at, fact.used


def _key(alert: TakenAlert) -> Key:
    return key_of(alert.name, alert.labels)


def _while_it_lasted(
    recording: Recording, span: Window, said: FaultSaid, index: int | None, start: float
) -> float | None:
    end = span.undone if span.undone is not None else span.end
    match said.measure:
        case Measure.USERS:
            return float(sum(start <= one.at <= end for one in recording.load.requests))
        case Measure.PAGES:
            started = recording.first(RunStarted)
            refused = [page for page in recording.all(PageSeen) if start <= page.at <= end and not page.accepted]
            # The heartbeat comes whatever happens: that it is refused hurts nobody.
            return float(sum(started is None or page.receiver != started.heartbeat_receiver for page in refused))
        case Measure.NOTICES:
            looks = [look for look in recording.all(AlertmanagerSeen) if look.alerts is not None]
            known = {_key(alert) for look in looks if look.at < start for alert in look.alerts or ()}
            given = {_key(alert) for look in looks if start <= look.at <= end for alert in look.alerts or ()}
            return float(len(given - known))
        case Measure.WAITS:
            counted = [one.met for one in recording.all(FaultProof) if one.staged == index and one.met is not None]
            return sum(counted) if counted else None
    return None
