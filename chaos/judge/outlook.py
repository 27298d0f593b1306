"""What may still come while a run lasts, for which its drill waits. It concludes nothing, and costs the same all along.

That a page is still awaited is told from pages alone; what became of the alert is judged once, when the run is over.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import PrometheusSeen, RuleLoaded
from chaos.facts.pages import PageAlert, PageSeen
from chaos.facts.recording import Facts
from chaos.facts.run import RunStarted
from chaos.judge.window import Window
from chaos.spec.experiment import AlertWindow


def active(recording: Facts) -> list[str]:
    """Listed alerts that were pending or firing when Prometheus last told."""
    listed = {window.name for window in recording.experiment.alerts}
    told = next((seen for seen in reversed(recording.all(PrometheusSeen)) if seen.error is None), None)
    return sorted({alert.name for alert in told.alerts if alert.name in listed}) if told else []


def unresolved(recording: Facts, window: Window) -> list[str]:
    """Listed alerts of which the page may still arrive in time, or has arrived and its resolved message has not."""
    if window.injected is None:
        return [one.name for one in recording.experiment.alerts]
    lasted = window.end - window.injected
    before = _firing_at_baseline(recording, window)
    return [
        one.name
        for one in recording.experiment.alerts
        if (
            not _resolved(paged, recording, window)
            if (paged := _first_page(one, before, recording, window))
            else lasted <= one.fires_within.in_seconds
        )
    ]


def _first_page(
    listed: AlertWindow, before: frozenset[Key], recording: Facts, window: Window
) -> tuple[Key, PageSeen] | None:
    wanted = listed.labels.items()
    for page, alert in _accepted(listed.name, recording, window.injected or 0.0, "firing"):
        key = key_of(alert.name, alert.labels)
        if wanted <= alert.labels.items() and key not in before:
            return key, page
    return None


def _resolved(paged: tuple[Key, PageSeen], recording: Facts, window: Window) -> bool:
    key, page = paged
    if window.undoing is None:
        return False
    since = max(window.undoing, page.at)
    told = _accepted(key[0], recording, since, "resolved")
    return any(key_of(alert.name, alert.labels) == key for _, alert in told)


def _accepted(name: str, recording: Facts, since: float, status: str) -> Iterator[tuple[PageSeen, PageAlert]]:
    """What of this alert arrived at its receiver from this moment on."""
    started = recording.first(RunStarted)
    receiver = next(
        (rule.receiver for rule in recording.all(RuleLoaded) if rule.alert == name), started.receiver if started else ""
    )
    for page, alert in recording.pages_of(name):
        if page.accepted and page.receiver == receiver and page.at >= since and alert.status == status:
            yield page, alert


def _firing_at_baseline(recording: Facts, window: Window) -> frozenset[Key]:
    if window.baseline is None:
        return frozenset()
    polls = recording.all(PrometheusSeen)
    # One thread polls, so that they lie in their order, but for the drill's own look when the baseline begins.
    number = min(bisect_right(polls, window.baseline, key=lambda seen: seen.at) + 1, len(polls))
    earlier = (polls[index] for index in range(number - 1, -1, -1) if polls[index].at <= window.baseline)
    latest = islice((seen for seen in earlier if seen.error is None), 2)
    told = max(latest, key=lambda seen: seen.at, default=None)
    alerts = told.alerts if told else []
    return frozenset(key_of(alert.name, alert.labels) for alert in alerts if alert.state == "firing")
