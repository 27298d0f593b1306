"""Judges the alerts: every instance that fired, was paged or was about to be is in exactly one result."""

from chaos.facts.alert_key import in_words
from chaos.facts.recording import Recording
from chaos.judge import listed, unlisted
from chaos.judge.alert_evidence import AlertEvidence
from chaos.judge.assignment import assign
from chaos.judge.window import Window
from chaos.verdict.results import AlertResult


def judge(recording: Recording, span: Window) -> list[AlertResult]:
    """Listed alerts first, in their order; then what fired unasked or may fire; then what was rightly quiet."""
    evidence = AlertEvidence.of(recording, span)
    windows = recording.experiment.alerts
    assignment = assign(windows, evidence.instances.values())
    results = [
        result
        for index, (window, taken) in enumerate(zip(windows, assignment.taken, strict=True))
        for result in listed.judge(index, window, taken, evidence)
    ]
    return [*results, *unlisted.judge(recording, assignment.left, evidence)]


def firing_at_baseline(recording: Recording, span: Window) -> list[str]:
    """The alerts that fired before the fault, in words."""
    return [in_words(key) for key in sorted(AlertEvidence.of(recording, span).firing_at_baseline)]
