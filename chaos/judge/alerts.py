"""Judges the alerts: which fired, reached the right receiver and resolved in time, and which did so unasked."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from chaos import design_delay
from chaos.experiment import AlertWindow
from chaos.facts import AlertHistory, HistoryAsked, PageAlert, PageSeen, PrometheusSeen, RuleLoaded, RunStarted, Timing
from chaos.judge.span import Span
from chaos.recording import Recording
from chaos.verdict import AlertOutcome, AlertResult, Delays

_EVALUATION_SECONDS = 1.0
"""Between two evaluations of a rule whose timing is not known."""

Key = tuple[str, tuple[tuple[str, str], ...]]
"""An alert's identity: its name and all its labels."""


def judge(recording: Recording, span: Span) -> list[AlertResult]:
    """Listed alerts first, in their order; then surprises; then the rules that were rightly quiet."""
    evidence = _Evidence.of(recording, span)
    results = [_listed(window, evidence) for window in recording.experiment.alerts]
    spoken = {window.name for window in recording.experiment.alerts}
    surprises = evidence.unlisted(spoken | set(recording.experiment.may_fire))
    results += [_surprise(key, evidence) for key in surprises]
    spoken |= {name for name, _ in surprises}
    fired = {name for name, _ in (*evidence.firing, *evidence.already)}
    return results + [_quiet(name, evidence) for name in sorted(evidence.rules - spoken - fired)]


def already_firing(recording: Recording, span: Span) -> list[str]:
    """The alerts that fired before the fault, in words."""
    return [in_words(key) for key in sorted(_Evidence.of(recording, span).already)]


def unresolved(recording: Recording, span: Span) -> list[str]:
    """Listed alerts that were delivered and whose resolved message is still awaited."""
    evidence = _Evidence.of(recording, span)
    results = (_listed(window, evidence) for window in recording.experiment.alerts)
    return [result.name for result in results if result.delivered is not None and result.resolved is None]


def listed_active(recording: Recording) -> list[str]:
    """Listed alerts that were pending or firing when Prometheus last told."""
    looks = [look for look in recording.all(PrometheusSeen) if look.error is None]
    listed = {window.name for window in recording.experiment.alerts}
    return sorted({alert.name for alert in looks[-1].alerts if alert.name in listed}) if looks else []


def in_words(key: Key) -> str:
    """An alert's identity for people."""
    name, labels = key
    return f"{name}{{{', '.join(f'{label}={value}' for label, value in labels)}}}"


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The alert facts of one run, indexed by alert."""

    span: Span
    receiver: str
    heartbeat_receiver: str
    rules: frozenset[str]
    """Rules that Prometheus ran in good health all the time since the injection."""
    timings: dict[str, RuleLoaded]
    true: dict[Key, list[float]]
    """When the condition was true, pending or firing."""
    firing: dict[Key, list[float]]
    pages: list[tuple[PageSeen, PageAlert]]
    already: frozenset[Key]
    complete: bool
    """Whether Prometheus's own history of the run was read."""

    @classmethod
    def of(cls, recording: Recording, span: Span) -> "_Evidence":
        started = recording.first(RunStarted)
        assert started is not None
        # Only what fired before users were watched is not ours: an alert that begins in the baseline is a finding.
        begin = span.baseline if span.baseline is not None else span.end
        looks = [look for look in recording.all(PrometheusSeen) if look.error is None]
        histories = recording.all(AlertHistory)
        true, firing = _times(histories, looks)
        return cls(
            span=span,
            receiver=started.receiver,
            heartbeat_receiver=started.heartbeat_receiver,
            rules=frozenset.intersection(*(frozenset(look.rules) for look in looks)) if looks else frozenset(),
            timings={rule.alert: rule for rule in recording.all(RuleLoaded)},
            true=true,
            firing=firing,
            pages=[(page, alert) for page in recording.all(PageSeen) for alert in page.alerts],
            already=_firing_at(looks, begin),
            complete=any(asked.error is None for asked in recording.all(HistoryAsked)),
        )

    def unlisted(self, listed: set[str]) -> list[Key]:
        """Alerts that fired since the baseline, or were paged, and that nobody announced."""
        paged = {_key(alert.name, alert.labels) for page, alert in self.pages if alert.status == "firing"}
        return sorted(key for key in {*self.firing, *paged} - self.already if key[0] not in listed)

    def matching(self, window: AlertWindow) -> list[Key]:
        """Alerts with the window's name and labels that were true while the fault lasted."""
        wanted = window.labels.items()
        keys = {key for key in self.true if key[0] == window.name and wanted <= dict(key[1]).items()}
        return sorted(keys - self.already, key=lambda key: self.true[key][0])

    def first(self, times: Iterable[float]) -> float | None:
        """The first of these times at or after the injection, in seconds since it."""
        begin = self.span.injected
        return None if begin is None else next((at - begin for at in sorted(times) if at >= begin), None)

    def page(self, key: Key, status: str, since: float, accepted: bool = True) -> PageSeen | None:
        """The first page of this alert in this status at its receiver, at or after `since`."""
        receiver = self.timings[key[0]].receiver if key[0] in self.timings else self.receiver
        for page, alert in sorted(self.pages, key=lambda pair: pair[0].at):
            fits = page.receiver == receiver and page.accepted is accepted and page.at >= since
            if fits and alert.status == status and _key(alert.name, alert.labels) == key:
                return page
        return None

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


def _times(
    histories: list[AlertHistory], looks: list[PrometheusSeen]
) -> tuple[dict[Key, list[float]], dict[Key, list[float]]]:
    # What was seen while it happened counts as well as the store, which a restart may have emptied.
    true: dict[Key, list[float]] = {}
    firing: dict[Key, list[float]] = {}
    for history in histories:
        for times in (true, firing) if history.state == "firing" else (true,):
            times.setdefault(_key(history.name, history.labels), []).extend(history.samples)
    stored = set(true)
    for look in looks:
        for alert in look.alerts:
            key = _key(alert.name, alert.labels)
            if key not in stored:
                true.setdefault(key, []).append(alert.active_since)
                if alert.state == "firing":
                    firing.setdefault(key, []).append(look.at)
    return {key: sorted(times) for key, times in true.items() if times}, firing


def _firing_at(looks: list[PrometheusSeen], moment: float) -> frozenset[Key]:
    earlier = [look for look in looks if look.at <= moment]
    alerts = earlier[-1].alerts if earlier else []
    return frozenset(_key(alert.name, alert.labels) for alert in alerts if alert.state == "firing")


def _key(name: str, labels: dict[str, str]) -> Key:
    return name, tuple(sorted(labels.items()))


def _listed(window: AlertWindow, evidence: _Evidence) -> AlertResult:
    matching = evidence.matching(window)
    key = matching[0] if matching else None
    measured = _measure(key, evidence) if key else {}
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


def _measure(key: Key, evidence: _Evidence) -> dict[str, float | None]:
    injected, undone = evidence.span.injected, evidence.span.undone
    page = None if injected is None else evidence.page(key, "firing", injected)
    cleared = None if undone is None or page is None else evidence.page(key, "resolved", max(undone, page.at))
    return {
        "condition_true": evidence.first(evidence.true.get(key, [])),
        "firing": evidence.first(evidence.firing.get(key, [])),
        "delivered": None if page is None or injected is None else page.at - injected,
        "resolved": None if cleared is None or undone is None else cleared.at - undone,
    }


def _outcome(
    window: AlertWindow, key: Key | None, measured: dict[str, float | None], evidence: _Evidence
) -> tuple[AlertOutcome, str]:
    if evidence.span.injected is None or (not evidence.complete and not measured.get("delivered")):
        return AlertOutcome.UNKNOWN, "the run gave no evidence about it"
    if key is None or measured["firing"] is None:
        return AlertOutcome.MISSED, _why_missed(window, key, evidence)
    delivered, resolved = measured["delivered"], measured["resolved"]
    if delivered is None:
        return AlertOutcome.UNDELIVERED, _why_undelivered(key, evidence)
    if delivered > window.fires_within.in_seconds:
        return AlertOutcome.LATE, f"delivered after {delivered:.2f} s, should be within {window.fires_within}"
    if evidence.span.undone is None:
        return AlertOutcome.UNKNOWN, "the fault was not undone, so nothing could resolve"
    if resolved is None:
        return AlertOutcome.STUCK, "no resolved message arrived after the undo"
    if resolved > window.resolves_within.in_seconds:
        return AlertOutcome.STUCK, f"resolved after {resolved:.2f} s, should be within {window.resolves_within}"
    return AlertOutcome.PROVEN, "fired, was delivered and resolved in time"


def _why_missed(window: AlertWindow, key: Key | None, evidence: _Evidence) -> str:
    if window.name not in evidence.rules:
        return "Prometheus does not run this rule, or not in good health"
    if key is None:
        return "its condition was never true while the fault lasted"
    return "its condition was true, but not for as long as its `for`"


def _why_undelivered(key: Key, evidence: _Evidence) -> str:
    refused = [page for page, alert in evidence.pages if not page.accepted and _key(alert.name, alert.labels) == key]
    if refused:
        return f"the pager refused it {len(refused)} times: {refused[0].reason}"
    elsewhere = {page.receiver for page, alert in evidence.pages if _key(alert.name, alert.labels) == key}
    return f"it went to {', '.join(sorted(elsewhere))}" if elsewhere else "it fired, but nothing arrived at the pager"


def _longest_stretch(times: list[float], longest_gap: float) -> float:
    longest, begin = 0.0, times[0]
    for earlier, later in pairwise(times):
        if later - earlier > longest_gap:
            begin = later
        longest = max(longest, later - begin)
    return longest


def _quiet(name: str, evidence: _Evidence) -> AlertResult:
    pending = evidence.longest_pending(name)
    held = evidence.timings[name].timing.for_seconds if name in evidence.timings else None
    reason = "did not fire" if pending is None else f"did not fire; pending for {pending:.1f} s"
    return AlertResult(name, {}, AlertOutcome.QUIET, reason, pending=pending, hold=held)


def _surprise(key: Key, evidence: _Evidence) -> AlertResult:
    design, production = evidence.delays(key[0])
    measured = _measure(key, evidence)
    return AlertResult(
        key[0],
        dict(key[1]),
        AlertOutcome.SURPRISE,
        "fired and is not listed",
        **measured,
        design=design,
        production=production,
    )


def _delays(timing: Timing) -> Delays:
    return Delays(
        design_delay.detection_seconds(timing),
        design_delay.delivery_seconds(timing),
        design_delay.resolution_seconds(timing),
    )
