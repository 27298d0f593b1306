"""Judges the alerts that an experiment lists: which fired, reached the right receiver and resolved in time."""

from chaos.judge.alert_evidence import NOTHING, AlertEvidence, Measured
from chaos.judge.instance import Instance
from chaos.judge.telling import hold_seconds, led_astray, refired, why_stuck, why_undelivered
from chaos.spec.alert_window import AlertWindow
from chaos.verdict import alert_finding as found
from chaos.verdict.alert_finding import AlertFinding
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult

UNCERTAIN_SECONDS = 1.0
"""Within which nobody can say what came first: an evaluation bears the time at which it was due, and so far clocks may
be apart before that is seen."""


def judge(index: int, window: AlertWindow, taken: tuple[Instance, ...], evidence: AlertEvidence) -> list[AlertResult]:
    """One result for each instance that it takes, and one for all that are missing."""
    results = []
    for one in taken:
        receivers = receivers_of(window, one.labels, evidence)
        measured = evidence.measure(one, receivers[0])
        outcome, finding = _unless_not_due(window, measured, evidence, *_outcome(window, one, receivers, evidence))
        results.append(_result(index, window, one.labels, outcome, finding, measured, evidence))
    if len(taken) < window.fewest:
        outcome, finding, measured = _missing(window, len(taken), evidence)
        outcome, finding = _unless_not_due(window, measured, evidence, outcome, finding)
        results.append(_result(index, window, window.labels, outcome, finding, measured, evidence))
    return results


def _result(
    index: int,
    window: AlertWindow,
    labels: dict[str, str],
    outcome: AlertOutcome,
    finding: AlertFinding,
    measured: Measured,
    evidence: AlertEvidence,
) -> AlertResult:
    design, production = evidence.delays(window.name)
    return AlertResult(
        window.name,
        labels,
        outcome,
        finding,
        **measured,
        window=index,
        fires_within=window.fires_within.in_seconds,
        resolves_within=window.resolves_within.in_seconds,
        design=design,
        production=production,
    )


def _unless_not_due(
    window: AlertWindow, measured: Measured, evidence: AlertEvidence, outcome: AlertOutcome, finding: AlertFinding
) -> tuple[AlertOutcome, AlertFinding]:
    """What a player ended before its time proves nothing of an alert that was not yet told, nor against it."""
    span, within = evidence.span, window.fires_within.in_seconds
    if span.mitigated is None or span.injected is None or measured["delivered"] is not None or outcome.well:
        return outcome, finding
    if isinstance(finding, found.RuleNotRunning):
        return outcome, finding  # it would never have fired
    lasted = span.mitigated - span.injected
    return (AlertOutcome.NOT_JUDGED, found.NotDueYet(lasted, within)) if lasted < within else (outcome, finding)


def _missing(window: AlertWindow, taken: int, evidence: AlertEvidence) -> tuple[AlertOutcome, AlertFinding, Measured]:
    if evidence.span.injected is None or not evidence.complete:
        return AlertOutcome.UNKNOWN, found.NoAlertEvidence(), NOTHING
    if window.name not in evidence.rules:
        return AlertOutcome.MISSED, found.RuleNotRunning(), NOTHING
    if taken:
        return AlertOutcome.MISSED, found.TooFew(taken, str(window.count or ">= 1")), NOTHING
    short = [one for one in evidence.instances.values() if window.fits(one.name, one.labels)]
    if short:
        measured = evidence.measure(short[0], receivers_of(window, short[0].labels, evidence)[0])
        return AlertOutcome.MISSED, found.TrueTooShort(), measured
    others = [one.labels for one in evidence.instances.values() if one.name == window.name and one.fired]
    return AlertOutcome.MISSED, found.OtherLabels(others) if others else found.NeverTrue(), NOTHING


def _outcome(
    window: AlertWindow, one: Instance, receivers: tuple[str, ...], evidence: AlertEvidence
) -> tuple[AlertOutcome, AlertFinding]:
    told = [evidence.measure(one, receiver) for receiver in receivers]
    if evidence.span.injected is None or (not evidence.complete and not told[0]["delivered"]):
        return AlertOutcome.UNKNOWN, found.NoAlertEvidence()
    if unproven := _not_by_the_fault(one, evidence):
        return unproven
    delivered = [each["delivered"] for each in told]
    if delivered[0] is None:
        return AlertOutcome.UNDELIVERED, why_undelivered(one, receivers)
    latest = max(each for each in delivered if each is not None)
    if latest > window.fires_within.in_seconds:
        return AlertOutcome.LATE, found.DeliveredLate(latest, window.fires_within.in_seconds)
    if evidence.span.undone is None:
        return AlertOutcome.UNKNOWN, found.NotUndone()
    if astray := led_astray(one, receivers, evidence):
        return astray
    for receiver, measured in zip(receivers, told, strict=True):
        if not_over := _not_over(window, one, receiver, measured["resolved"], evidence):
            return not_over
    return AlertOutcome.PROVEN, found.InTime()


def _not_over(
    window: AlertWindow, one: Instance, receiver: str, resolved: float | None, evidence: AlertEvidence
) -> tuple[AlertOutcome, AlertFinding] | None:
    """What is wrong with how its end was told to this receiver; None: nothing."""
    if (again := refired(one, receiver)) is not None:
        return AlertOutcome.REFIRED, found.FiredAgain(again - (evidence.span.injected or 0.0))
    if resolved is None:
        return AlertOutcome.STUCK, why_stuck(one, receiver, evidence)
    if resolved > window.resolves_within.in_seconds:
        return AlertOutcome.STUCK, found.ResolvedLate(resolved, window.resolves_within.in_seconds)
    return None


def receivers_of(window: AlertWindow, labels: dict[str, str], evidence: AlertEvidence) -> tuple[str, ...]:
    """Who has to be told: whom the window names, else whom the routing does."""
    return (window.receiver,) if window.receiver else evidence.receivers_of(window.name, labels)


def _not_by_the_fault(one: Instance, evidence: AlertEvidence) -> tuple[AlertOutcome, AlertFinding] | None:
    """Why it proves nothing of the fault, however well it was told; None where it may."""
    if one.fired_before:
        return AlertOutcome.AGAIN, found.FiredBefore()
    if not one.fired:
        true = one.true[-1].seconds
        return AlertOutcome.PENDING, found.PendingAtEnd(true, hold_seconds(one.name, evidence))
    span = evidence.span
    if span.injected is None or one.true_from is None:
        return None
    earliest, latest = one.true_from
    if earliest < span.injected - UNCERTAIN_SECONDS:
        return AlertOutcome.UNKNOWN, found.TrueBeforeFault(span.injected - earliest)
    # What the fault did may be evaluated when it is gone.
    uncertain = max(UNCERTAIN_SECONDS, evidence.step_seconds(one.name))
    if span.undone is not None and latest > span.undone + uncertain:
        return AlertOutcome.UNKNOWN, found.TrueAfterUndo(latest - span.undone)
    return None
