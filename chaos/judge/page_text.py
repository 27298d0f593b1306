"""Judges the pages themselves: what they say, what was left out of them, and how many there are."""

from collections.abc import Iterable

from chaos.facts.alerts import AlertmanagerConfigured
from chaos.facts.pages import PageSeen
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.judge.alert_evidence import routing_of
from chaos.judge.others import concerns
from chaos.judge.window import Window
from chaos.verdict.run_finding import PageFinding, PagesCounted, PagesCutShort, RoutingUnreadable, TemplateFailed

_FAILED = ("<error expanding template", "<no value>")
"""What Prometheus writes where a template fails, and what a value that is not there becomes."""


def findings(recording: Recording, window: Window) -> Iterable[PageFinding]:
    """One for each text that failed, each receiver that was told less, a wrong number, and an unknown routing."""
    if recording.first(AlertmanagerConfigured) is not None and routing_of(recording) is None:
        yield RoutingUnreadable()
    began = window.baseline if window.baseline is not None else window.end
    pages = [page for page in recording.all(PageSeen) if page.at >= began]
    failed = {
        (alert.name, annotation)
        for page in pages
        for alert in page.alerts
        for annotation, text in alert.annotations.items()
        if any(sign in text for sign in _FAILED) and concerns(recording, alert.name, alert.labels)
    }
    yield from (TemplateFailed(*one) for one in sorted(failed))
    for receiver in sorted({page.receiver for page in pages if page.truncated}):
        yield PagesCutShort(receiver, sum(page.truncated for page in pages if page.receiver == receiver))
    bound = recording.experiment.pages
    if bound is not None and window.injected is not None:
        number = sum(_pages_somebody(page, recording, window.injected) for page in pages)
        if not bound.holds(number):
            yield PagesCounted(number, str(bound))


def _pages_somebody(page: PageSeen, recording: Recording, injected: float) -> bool:
    started = recording.first(RunStarted)
    heartbeat = started.heartbeat_receiver if started else ""
    alerts = [alert for alert in page.alerts if concerns(recording, alert.name, alert.labels)]
    fires = any(alert.status == "firing" for alert in alerts)
    return page.accepted and fires and page.at >= injected and page.receiver != heartbeat
