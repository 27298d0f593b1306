"""The alert facts of one run, indexed by alert: what every judgement of an alert begins with."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypedDict

from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import AlertHistory, AlertmanagerSeen, HistoryAsked, PrometheusSeen, RuleLoaded, Timing
from chaos.facts.pages import PageAlert, PageSeen
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.judge import design_delay, suppression
from chaos.judge.blindness import Blindness
from chaos.judge.suppression import Suppression
from chaos.judge.window import Window
from chaos.spec.experiment import AlertWindow
from chaos.verdict.results import Delays

_EVALUATION_SECONDS = 1.0
"""Between two evaluations of a rule whose timing is not known."""


class Measured(TypedDict):
    """When it was true, fired and was delivered, in seconds since the injection; when resolved, since the undo."""

    condition_true: float | None
    firing: float | None
    delivered: float | None
    resolved: float | None
    held_until: float | None
    held_by: str


NOTHING = Measured(condition_true=None, firing=None, delivered=None, resolved=None, held_until=None, held_by="")
"""Of an alert that was never seen."""


@dataclass(frozen=True, slots=True)
class AlertEvidence:
    """The alert facts of one run."""

    span: Window
    receiver: str
    rules: frozenset[str]
    """Rules that Prometheus ran in good health all the time, but for when a fault blinded it."""
    timings: dict[str, RuleLoaded]
    true: dict[Key, list[float]]
    """When the condition was true, pending or firing; like all that follows, since the baseline."""
    firing: dict[Key, list[float]]
    active_since: dict[Key, list[float]]
    """Since when it had been true at a stretch, as Prometheus said while it fired: what was true before that and passed
    was no part of its `for`."""
    pages: list[tuple[PageSeen, PageAlert]]
    inhibitors: dict[Key, frozenset[str]]
    """The alerts for whose sake Alertmanager told nobody."""
    suppressions: tuple[Suppression, ...]
    firing_at_baseline: frozenset[Key]
    """What fired when the baseline began."""
    complete: bool
    """Whether Prometheus's own history of the run was read."""
    blindness: Blindness

    @classmethod
    def of(cls, recording: Recording, span: Window) -> "AlertEvidence":
        """Index the facts of a run."""
        started = recording.first(RunStarted)
        assert started is not None
        # Only what fired before users were watched is not ours: an alert that begins in the baseline is a finding.
        begin = span.baseline if span.baseline is not None else span.end
        blindness = Blindness.of(recording, span)
        looks = [look for look in recording.all(PrometheusSeen) if look.error is None]
        true, firing = _times(recording.all(AlertHistory), looks, begin)
        return cls(
            span=span,
            receiver=started.receiver,
            rules=running(looks, blindness),
            timings={rule.alert: rule for rule in recording.all(RuleLoaded)},
            true=true,
            firing=firing,
            active_since=_active_since(looks),
            pages=[(page, alert) for page in recording.all(PageSeen) if page.at >= begin for alert in page.alerts],
            inhibitors=_inhibitors(recording.all(AlertmanagerSeen), begin),
            suppressions=suppression.of(recording, span),
            firing_at_baseline=_firing_at(looks, begin),
            complete=any(asked.error is None for asked in recording.all(HistoryAsked)),
            blindness=blindness,
        )

    def unlisted(self, listed: set[str]) -> list[Key]:
        """Alerts that fired since the baseline, or were paged for it, and that nobody announced."""
        began = self.span.end if self.span.baseline is None else self.span.baseline
        # The page of one that fired before may be late.
        paged = {
            key_of(alert.name, alert.labels)
            for _, alert in self.pages
            if alert.status == "firing" and alert.fired_at >= began
        }
        return sorted(key for key in {*self.firing, *paged} - self.firing_at_baseline if key[0] not in listed)

    def matching(self, window: AlertWindow) -> list[Key]:
        """Alerts with the window's name and labels that were true, or were paged, since the injection.

        Who was told of first comes first, then whose condition was true first: where each instance has an alert of its
        own, as many as are hit begin in the same evaluation.
        """
        begin = self.span.end if self.span.injected is None else self.span.injected
        since: dict[Key, float] = {}
        for page, alert in self.pages:
            if alert.status == "firing" and page.at >= begin:
                since.setdefault(key_of(alert.name, alert.labels), page.at)
        since |= {key: times[0] for key, times in self.true.items()}
        wanted = window.labels.items()
        keys = {
            key for key in since if key[0] == window.name and wanted <= dict(key[1]).items()
        } - self.firing_at_baseline
        told = {key: first.at for key in keys if (first := self.page(key, "firing", begin))}
        return sorted(keys, key=lambda key: (told.get(key, math.inf), since[key], key))

    def first(self, times: Iterable[float]) -> float | None:
        """The first of these times at or after the injection, in seconds since it."""
        begin = self.span.injected
        return None if begin is None else next((at - begin for at in sorted(times) if at >= begin), None)

    def pages_of(self, key: Key) -> list[PageSeen]:
        """Every delivery of this alert in which it fires, accepted or refused, at whatever receiver."""
        return [
            page for page, alert in self.pages if alert.status == "firing" and key_of(alert.name, alert.labels) == key
        ]

    def page(self, key: Key, status: str, since: float) -> PageSeen | None:
        """The first accepted page of this alert in this status at its receiver, at or after `since`."""
        receiver = self.timings[key[0]].receiver if key[0] in self.timings else self.receiver
        for page, alert in sorted(self.pages, key=lambda pair: pair[0].at):
            fits = page.receiver == receiver and page.accepted and page.at >= since
            if fits and alert.status == status and key_of(alert.name, alert.labels) == key:
                return page
        return None

    def measure(self, key: Key) -> Measured:
        """When what happened to it."""
        injected, undoing, undone = self.span.injected, self.span.undoing, self.span.undone
        page = None if injected is None else self.page(key, "firing", injected)
        cleared = None if undoing is None or page is None else self.page(key, "resolved", max(undoing, page.at))
        true = self.first(self.active_since.get(key) or self.true.get(key, []))
        held = None
        if injected is not None and true is not None and page is not None:
            held = suppression.last(self.suppressions, key, injected + true, page.at)
        return {
            "condition_true": true,
            "firing": self.first(self.firing.get(key, [])),
            "delivered": None if page is None or injected is None else page.at - injected,
            "resolved": None if cleared is None or undone is None else cleared.at - undone,
            "held_until": None if held is None or injected is None else held.end - injected,
            "held_by": "" if held is None else held.why,
        }

    def longest_pending(self, name: str) -> float | None:
        """For how long its condition was true at a stretch, at most, in seconds; None when it never was."""
        step = self.timings[name].timing.evaluation_seconds if name in self.timings else _EVALUATION_SECONDS
        stretches = [_longest_stretch(times, 1.5 * step) for key, times in self.true.items() if key[0] == name]
        return max(stretches, default=None)

    def delays(self, name: str) -> tuple[Delays | None, Delays | None]:
        """Design delays of the drill and of production."""
        rule = self.timings.get(name)
        if rule is None:
            return None, None
        return _delays(rule.timing), _delays(rule.production) if rule.production else None


def running(looks: Iterable[PrometheusSeen], blindness: Blindness) -> frozenset[str]:
    """Rules that ran in good health at every look that counts: one that a fault blinds has not begun to evaluate."""
    seen = [frozenset(look.rules) for look in looks if not look.error and not blindness.blinded("prometheus", look.at)]
    return frozenset.intersection(*seen) if seen else frozenset()


def _times(
    histories: list[AlertHistory], looks: list[PrometheusSeen], begin: float
) -> tuple[dict[Key, list[float]], dict[Key, list[float]]]:
    # What was seen while it happened counts as well as the store, which a restart may have emptied.
    true: dict[Key, list[float]] = {}
    firing: dict[Key, list[float]] = {}
    for history in histories:
        samples = [at for at in history.samples if at >= begin]
        for times in (true, firing) if history.state == "firing" else (true,):
            times.setdefault(key_of(history.name, history.labels), []).extend(samples)
    # What the store has of before the baseline says nothing of what it has of after it.
    stored = set(_some(true))
    for look in looks:
        for alert in look.alerts if look.at >= begin else []:
            key = key_of(alert.name, alert.labels)
            if key not in stored:
                true.setdefault(key, []).append(alert.active_since)
                if alert.state == "firing":
                    firing.setdefault(key, []).append(look.at)
    return _some(true), _some(firing)


def _some(times: dict[Key, list[float]]) -> dict[Key, list[float]]:
    return {key: sorted(found) for key, found in times.items() if found}


def _active_since(looks: list[PrometheusSeen]) -> dict[Key, list[float]]:
    since: dict[Key, list[float]] = {}
    for look in looks:
        for alert in look.alerts:
            if alert.state == "firing":
                since.setdefault(key_of(alert.name, alert.labels), []).append(alert.active_since)
    return since


def _inhibitors(looks: list[AlertmanagerSeen], begin: float) -> dict[Key, frozenset[str]]:
    found: dict[Key, frozenset[str]] = {}
    for look in looks:
        for alert in (look.alerts or []) if look.at >= begin else []:
            if alert.inhibited_by:
                key = key_of(alert.name, alert.labels)
                found[key] = found.get(key, frozenset()) | frozenset(alert.inhibited_by)
    return found


def _firing_at(looks: list[PrometheusSeen], moment: float) -> frozenset[Key]:
    # By when they were, not by when they were written: the drill's own look may be told before one that was under way.
    latest = max((look for look in looks if look.at <= moment), key=lambda look: look.at, default=None)
    alerts = latest.alerts if latest else []
    return frozenset(key_of(alert.name, alert.labels) for alert in alerts if alert.state == "firing")


def _longest_stretch(times: list[float], longest_gap: float) -> float:
    longest, begin = 0.0, times[0]
    for earlier, later in pairwise(times):
        if later - earlier > longest_gap:
            begin = later
        longest = max(longest, later - begin)
    return longest


def _delays(timing: Timing) -> Delays:
    return Delays(
        design_delay.detection_seconds(timing),
        design_delay.delivery_seconds(timing),
        design_delay.resolution_seconds(timing),
        timing.group_interval_seconds,
    )
