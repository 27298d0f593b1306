"""What may still come while a run lasts, for which its drill waits. It concludes nothing, and costs the same all along.

That a page is still awaited is told from pages alone; what became of the alert is judged once, when the run is over.
"""

from bisect import bisect_right
from itertools import islice

from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import PrometheusSeen, RuleLoaded, Timing
from chaos.facts.recording import Facts
from chaos.facts.run import RunStarted
from chaos.judge import design_delay
from chaos.judge.window import Window
from chaos.spec import scope
from chaos.spec.alert_window import AlertWindow, MayFire
from chaos.spec.pace import BEYOND_DESIGN_BEATS, Pace


def active(recording: Facts) -> list[str]:
    """Listed alerts that were pending or firing when Prometheus last told."""
    listed = recording.experiment.alerts
    told = next((seen for seen in reversed(recording.all(PrometheusSeen)) if seen.error is None), None)
    alerts = told.alerts if told else []
    return sorted({one.name for one in alerts if scope.may_be_listed(listed, one.name, one.labels)})


def unresolved(recording: Facts, window: Window) -> list[str]:
    """Listed alerts of which pages may still arrive in time, or have arrived and not all their ends have been told."""
    if window.injected is None:
        return [one.name for one in recording.experiment.alerts]
    lasted = window.end - window.injected
    before = _firing_at_baseline(recording, window)
    waits = []
    for one in recording.experiment.alerts:
        paged = _paged(one, before, recording, window)
        too_few = len({key for key, _ in paged}) < one.fewest
        if (too_few and lasted <= one.fires_within.in_seconds) or not _all_resolved(paged, recording, window):
            waits.append(one.name)
    return waits


def owed(recording: Facts, window: Window) -> list[str]:
    """Alerts of which something may still come: one that is pending may fire, and one that is listed or may fire has to
    be told and to resolve. Each is waited for as long as its rule and its routing explain, and no longer."""
    before = _firing_at_baseline(recording, window)
    rules = {rule.alert: rule.timing for rule in recording.all(RuleLoaded)}
    told = next((seen for seen in reversed(recording.all(PrometheusSeen)) if seen.error is None), None)
    started = recording.first(RunStarted)
    only, found = started.only if started else {}, set()
    for alert in told.alerts if told else []:
        timing = rules.get(alert.name)
        if timing is None or key_of(alert.name, alert.labels) in before:
            continue
        may_fire = any(one.fits(alert.name, alert.labels) for one in recording.experiment.allowed) or any(
            one.fits(alert.name, alert.labels) for one in recording.experiment.alerts
        )
        fires_by = alert.active_since + timing.for_seconds + timing.evaluation_seconds + recording.pace.look
        due = _told_by(fires_by, timing, window, recording.pace) if may_fire else fires_by
        pending = alert.state == "pending" and scope.ours(only, alert.labels)
        if window.end < due and (pending or may_fire):
            found.add(alert.name)
    for one in recording.experiment.allowed:
        fired_at = _untold(one, recording, window) if one.name in rules else None
        if fired_at is not None and window.end < _told_by(fired_at, rules[one.name], window, recording.pace):
            found.add(one.name)
    return sorted(found)


def _told_by(fires_by: float, timing: Timing, window: Window, pace: Pace) -> float:
    """Until when an alert that fires is told, and told to be over, by design and a little more."""
    since = max(fires_by, window.undone or fires_by)
    design = timing.group_wait_seconds + timing.group_interval_seconds + design_delay.resolution_seconds(timing)
    return since + design + pace.seconds(BEYOND_DESIGN_BEATS)


def _untold(one: MayFire, recording: Facts, window: Window) -> float | None:
    """When an alert fired of which somebody was told, and not yet that it is resolved; None where there is none."""
    open_: dict[tuple[Key, str], float] = {}
    began = window.baseline or 0.0
    for page, alert in recording.pages_of(one.name):
        if page.accepted and alert.fired_at >= began and one.fits(alert.name, alert.labels):
            told = key_of(alert.name, alert.labels), page.receiver
            if alert.status == "firing":
                open_.setdefault(told, alert.fired_at)
            else:
                open_.pop(told, None)
    return max(open_.values(), default=None)


def _paged(
    listed: AlertWindow, before: frozenset[Key], recording: Facts, window: Window
) -> dict[tuple[Key, str], float]:
    """Each instance that the window may take and each receiver that was told of it, and when that was."""
    found: dict[tuple[Key, str], float] = {}
    for page, alert in recording.pages_of(listed.name):
        key = key_of(alert.name, alert.labels)
        told = page.accepted and alert.status == "firing" and page.at >= (window.injected or 0.0)
        wanted = listed.fits(alert.name, alert.labels) and listed.receiver in ("", page.receiver)
        if told and wanted and key not in before:
            found.setdefault((key, page.receiver), page.at)
    return found


def _all_resolved(paged: dict[tuple[Key, str], float], recording: Facts, window: Window) -> bool:
    if window.undoing is None:
        return not paged
    return all(_resolved(key, receiver, max(window.undoing, at), recording) for (key, receiver), at in paged.items())


def _resolved(key: Key, receiver: str, since: float, recording: Facts) -> bool:
    return any(
        page.accepted
        and page.receiver == receiver
        and page.at >= since
        and alert.status == "resolved"
        and key_of(alert.name, alert.labels) == key
        for page, alert in recording.pages_of(key[0])
    )


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
