"""Judges the listed alerts: which fired, reached the right receiver and resolved in time. Others: unlisted.py."""

from chaos.facts.alert_key import Key, in_words, key_of
from chaos.facts.recording import Recording
from chaos.judge import unlisted
from chaos.judge.alert_evidence import NOTHING, AlertEvidence, Measured
from chaos.judge.window import Window
from chaos.spec.experiment import AlertWindow
from chaos.verdict import result_finding as found
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.result_finding import AlertFinding
from chaos.verdict.results import AlertResult


def judge(recording: Recording, span: Window) -> list[AlertResult]:
    """Listed alerts first, in their order; then what fired unasked or may fire; then what was rightly quiet."""
    evidence = AlertEvidence.of(recording, span)
    results = [_listed(window, evidence) for window in recording.experiment.alerts]
    return [*results, *unlisted.judge(recording, evidence)]


def firing_at_baseline(recording: Recording, span: Window) -> list[str]:
    """The alerts that fired before the fault, in words."""
    return [in_words(key) for key in sorted(AlertEvidence.of(recording, span).firing_at_baseline)]


def _listed(window: AlertWindow, evidence: AlertEvidence) -> AlertResult:
    matching = evidence.matching(window)
    key = matching[0] if matching else None
    measured = evidence.measure(key) if key else NOTHING
    outcome, finding = _outcome(window, key, measured, evidence)
    design, production = evidence.delays(window.name)
    return AlertResult(
        window.name,
        dict(key[1]) if key else window.labels,
        outcome,
        finding,
        **measured,
        fires_within=window.fires_within.in_seconds,
        resolves_within=window.resolves_within.in_seconds,
        design=design,
        production=production,
    )


def _outcome(
    window: AlertWindow, key: Key | None, measured: Measured, evidence: AlertEvidence
) -> tuple[AlertOutcome, AlertFinding]:
    if evidence.span.injected is None or (not evidence.complete and not measured["delivered"]):
        return AlertOutcome.UNKNOWN, found.NoAlertEvidence()
    # A page is proof enough that it fired: Prometheus may have been blinded just then.
    if key is None or (measured["firing"] is None and measured["delivered"] is None):
        return AlertOutcome.MISSED, _why_missed(window, key, evidence)
    delivered, resolved = measured["delivered"], measured["resolved"]
    if delivered is None:
        return AlertOutcome.UNDELIVERED, _why_undelivered(key, evidence)
    if delivered > window.fires_within.in_seconds:
        return AlertOutcome.LATE, found.DeliveredLate(delivered, window.fires_within.in_seconds)
    if evidence.span.undone is None:
        return AlertOutcome.UNKNOWN, found.NotUndone()
    if resolved is None:
        return AlertOutcome.STUCK, _why_stuck(key, evidence)
    if resolved > window.resolves_within.in_seconds:
        return AlertOutcome.STUCK, found.ResolvedLate(resolved, window.resolves_within.in_seconds)
    return AlertOutcome.PROVEN, found.InTime()


def _why_stuck(key: Key, evidence: AlertEvidence) -> AlertFinding:
    told = [alert.status for page, alert in evidence.pages if page.accepted and key_of(alert.name, alert.labels) == key]
    if told and told[-1] == "resolved":
        return found.CameAndWent()
    return found.NotResolved()


def _why_missed(window: AlertWindow, key: Key | None, evidence: AlertEvidence) -> AlertFinding:
    if window.name not in evidence.rules:
        return found.RuleNotRunning()
    if key is None:
        return found.NeverTrue()
    return found.TrueTooShort()


def _why_undelivered(key: Key, evidence: AlertEvidence) -> AlertFinding:
    pages = evidence.pages_of(key)
    if refused := [page for page in pages if not page.accepted]:
        return found.PageRefused(len(refused), refused[0].reason)
    if pages:
        return found.OtherReceivers(sorted({page.receiver for page in pages}))
    return found.NobodyTold(sorted(evidence.inhibitors.get(key, ())))
