"""Judges the listed alerts: which fired, reached the right receiver and resolved in time. Others: unlisted.py."""

from chaos.facts.alert_key import Key, in_words, key_of
from chaos.facts.recording import Recording
from chaos.judge import unlisted
from chaos.judge.alert_evidence import NOTHING, AlertEvidence, Measured
from chaos.judge.window import Window
from chaos.spec.experiment import AlertWindow
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.verdict import AlertResult


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
    outcome, reason = _outcome(window, key, measured, evidence)
    design, production = evidence.delays(window.name)
    return AlertResult(
        window.name,
        dict(key[1]) if key else window.labels,
        outcome,
        reason,
        **measured,
        fires_within=window.fires_within.in_seconds,
        resolves_within=window.resolves_within.in_seconds,
        design=design,
        production=production,
    )


def _outcome(
    window: AlertWindow, key: Key | None, measured: Measured, evidence: AlertEvidence
) -> tuple[AlertOutcome, str]:
    if evidence.span.injected is None or (not evidence.complete and not measured["delivered"]):
        return AlertOutcome.UNKNOWN, "the run gave no evidence about it"
    # A page is proof enough that it fired: Prometheus may have been blinded just then.
    if key is None or (measured["firing"] is None and measured["delivered"] is None):
        return AlertOutcome.MISSED, _why_missed(window, key, evidence)
    delivered, resolved = measured["delivered"], measured["resolved"]
    if delivered is None:
        return AlertOutcome.UNDELIVERED, _why_undelivered(key, evidence)
    if delivered > window.fires_within.in_seconds:
        return AlertOutcome.LATE, f"delivered after {delivered:.2f} s, should be within {window.fires_within}"
    if evidence.span.undone is None:
        return AlertOutcome.UNKNOWN, "the fault was not undone, so nothing could resolve"
    if resolved is None:
        return AlertOutcome.STUCK, _why_stuck(key, evidence)
    if resolved > window.resolves_within.in_seconds:
        return AlertOutcome.STUCK, f"resolved after {resolved:.2f} s, should be within {window.resolves_within}"
    return AlertOutcome.PROVEN, "fired, was delivered and resolved in time"


def _why_stuck(key: Key, evidence: AlertEvidence) -> str:
    told = [alert.status for page, alert in evidence.pages if page.accepted and key_of(alert.name, alert.labels) == key]
    if told and told[-1] == "resolved":
        return "it came and went while the fault lasted: the pager was told that it is resolved, and nothing since"
    return "no resolved message arrived after the undo"


def _why_missed(window: AlertWindow, key: Key | None, evidence: AlertEvidence) -> str:
    if window.name not in evidence.rules:
        return "Prometheus does not run this rule, or not in good health"
    if key is None:
        return "its condition was never true while the fault lasted"
    return "its condition was true, but not for as long as its `for`"


def _why_undelivered(key: Key, evidence: AlertEvidence) -> str:
    pages = evidence.pages_of(key)
    if refused := [page for page in pages if not page.accepted]:
        return f"the pager refused it {len(refused)} times: {refused[0].reason}"
    if pages:
        return f"it went to {', '.join(sorted({page.receiver for page in pages}))}"
    if key in evidence.inhibitors:
        return f"nobody was told: {', '.join(sorted(evidence.inhibitors[key]))} inhibits it"
    return "it fired, but nothing arrived at the pager"
