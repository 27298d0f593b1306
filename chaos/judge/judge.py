"""Puts the parts of a verdict together."""

from dataclasses import dataclass

import msgspec

from chaos.facts.processes import MachineSeen
from chaos.facts.recording import Recording
from chaos.facts.replicas import ReplicasSeen
from chaos.facts.run import Injected, RunEnded, RunStarted
from chaos.judge import (
    alerts,
    checks,
    completeness,
    durability,
    effect,
    measures,
    messages,
    notifications,
    page_text,
    panel_change,
    window,
)
from chaos.judge.blindness import Blindness
from chaos.judge.measures import Phase
from chaos.judge.window import Window
from chaos.verdict.finding import Refutation
from chaos.verdict.results import AlertResult, CheckResult, Orders, PanelResult, PhaseStats, Sessions
from chaos.verdict.run_finding import (
    ClockMoved,
    FactsLost,
    NothingInjected,
    OutOfOrder,
    RunEndedEarly,
    RunFinding,
    VictimIdle,
)
from chaos.verdict.verdict import EXIT_CODES, AnyFinding, Ending, ExitCode, Outcome, Verdict

FEWEST_VICTIM_REQUESTS = 10
"""A fault on an instance that answered fewer of the users' requests than this proves nothing about users."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the parts of the judge found."""

    checks: list[CheckResult]
    alerts: list[AlertResult]
    orders: Orders | None
    sessions: Sessions | None
    panels: list[PanelResult]

    def refuted(self, timed: bool) -> bool:
        """Whether a check, an alert or a panel refutes the claim; an alert only where clocks can be trusted."""
        checks, alerts, panels = self.checks, self.alerts, self.panels
        broken = any(one.holds is False for one in checks) or any(one.wrong for one in panels)
        return broken or (timed and any(one.outcome.wrong for one in alerts))

    @property
    def unknown(self) -> bool:
        """Whether there is a check, an alert or a claimed panel of which nobody knows."""
        unseen = any((one.outcome.open and not one.blinded) or one.outcome.wrong for one in self.alerts)
        return unseen or any(one.holds is None for one in self.checks) or any(one.unknown for one in self.panels)


def judge(recording: Recording) -> Verdict:
    """The verdict of one run, from its recording alone."""
    started = recording.first(RunStarted)
    assert started is not None, "a recording begins with RunStarted"
    ended = recording.first(RunEnded) or RunEnded(
        0.0, Ending.DATA_MISSING.value, "the runner died before the run's end"
    )
    spans = window.of(recording)
    found = _find(recording, spans)
    outcome, code, findings = _outcome(recording, ended, found, spans)
    recovered = checks.recovered_at(recording, spans)
    verdict = Verdict(
        run_id=started.run_id,
        experiment=started.experiment_id,
        title=recording.experiment.title,
        claim=recording.experiment.claim,
        fault=started.fault,
        started=started.wall,
        revision=started.revision,
        dirty=started.dirty,
        outcome=outcome,
        exit_code=int(code),
        injected=spans.injected,
        undone=spans.undone,
        recovered=None if recovered is None or spans.undone is None else recovered - spans.undone,
        phases=[stats for phase in Phase if (stats := _stats(recording, spans, phase)) is not None],
        checks=found.checks,
        alerts=found.alerts,
        already_firing=alerts.firing_at_baseline(recording, spans),
        orders=found.orders,
        by_hand=ended.by_hand,
        panels=found.panels,
        blinded=Blindness.of(recording, spans).in_words(spans),
        sessions=found.sessions,
        alerts_judged=started.alerts_judged,
        has_ledgers=started.has_ledgers,
        format=started.format,
        findings=findings,
    )
    return _with_the_rest(verdict, recording, started, spans)


def _with_the_rest(verdict: Verdict, recording: Recording, started: RunStarted, spans: Window) -> Verdict:
    """What is known beside it: of what was told to the system, whom nobody counted, and the ways that pages take."""
    return msgspec.structs.replace(
        verdict,
        settings=started.settings,
        unmeasured=effect.unmeasured(recording),
        replicas=[f"{seen.source}: {one}" for seen in recording.all(ReplicasSeen) for one in seen.said],
        messages=messages.told(recording, spans),
        evidence=started.receiver if started.alerts_judged else "",
        told=notifications.told(recording),
    )


def _find(recording: Recording, spans: Window) -> _Found:
    return _Found(
        checks.judge(recording, spans),
        alerts.judge(recording, spans),
        durability.orders(recording),
        durability.open_sessions(recording),
        panel_change.judge(recording, spans),
    )


def idle_victim(instance: str, answered: int) -> VictimIdle | None:
    """Why a fault on this instance would say nothing about users; None when enough of them met it."""
    return None if answered >= FEWEST_VICTIM_REQUESTS else VictimIdle(instance, answered, FEWEST_VICTIM_REQUESTS)


def _outcome(
    recording: Recording, ended: RunEnded, found: _Found, spans: Window
) -> tuple[Outcome, ExitCode, list[AnyFinding]]:
    ending = Ending(ended.how)
    if ending is not Ending.COMPLETED:
        # A run that was ended because users paid too much has refuted whatever bound was broken by then.
        broken = ending is Ending.ABORTED and any(one.holds is False for one in found.checks)
        outcome = Outcome.DEVIATED if broken else Outcome.INCONCLUSIVE
        return outcome, EXIT_CODES[ending], [RunEndedEarly(ending.value, ended.detail)]
    if without_effect := _without_effect(recording, spans):
        return Outcome.INCONCLUSIVE, ExitCode.NOT_INJECTED, [*without_effect]
    ledgers = durability.findings(recording, found.orders, found.sessions)
    findings: list[AnyFinding] = [*ledgers, *effect.unknown(recording, spans), *completeness.missing(recording, spans)]
    if _started_with_alerting(recording):
        findings += [*page_text.findings(recording, spans), *messages.findings(recording, spans)]
        findings += notifications.findings(recording)
    timed = not any(isinstance(one, ClockMoved | OutOfOrder) for one in findings)
    # What is missing may be the very page, phase or answer for want of which something looks refuted.
    whole = not any(isinstance(one, FactsLost) for one in findings)
    if whole and (found.refuted(timed) or any(isinstance(one, Refutation) for one in findings)):
        return Outcome.DEVIATED, ExitCode.DEVIATED, findings
    if found.unknown or findings:
        return Outcome.INCONCLUSIVE, ExitCode.INCONCLUSIVE, findings
    return Outcome.HELD, ExitCode.HELD, []


def _started_with_alerting(recording: Recording) -> bool:
    started = recording.first(RunStarted)
    return started is not None and started.alerts_judged


def _without_effect(recording: Recording, spans: Window) -> list[RunFinding]:
    started, injected = recording.first(RunStarted), recording.first(Injected)
    if injected is None:
        return [NothingInjected()]
    assert started is not None
    victims = {name: injected.victims.get(name, 0) for name in started.victims}
    if started.format < 2 and started.victim is not None:
        victims = {started.victim: injected.victim_requests or 0}
    idle = [one for name, answered in victims.items() if (one := idle_victim(name, answered))]
    return [*idle, *effect.nobody_met(recording, spans)]


def _stats(recording: Recording, spans: Window, phase: Phase) -> PhaseStats | None:
    bounds = spans.bounds(phase)
    if bounds is None:
        return None
    requests = spans.requests(recording, phase)
    return PhaseStats(
        phase=phase.value,
        seconds=bounds[1] - bounds[0],
        requests=len(requests),
        failed=sum(not request.ok for request in requests),
        p50_seconds=measures.quantile(requests, 0.5),
        p99_seconds=measures.quantile(requests, 0.99),
        cpu_pressure=_cpu_pressure([seen for seen in recording.all(MachineSeen) if bounds[0] <= seen.at <= bounds[1]]),
    )


def _cpu_pressure(looks: list[MachineSeen]) -> float | None:
    if len(looks) < 2:
        return None
    first, last = looks[0], looks[-1]
    return (last.cpu_waited - first.cpu_waited) / (last.at - first.at)
