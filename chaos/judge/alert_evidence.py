"""The alert facts of one run, indexed by alert instance: what every judgement of an alert begins with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from chaos.facts.alert_key import Key
from chaos.facts.alerts import (
    AlertHistory,
    AlertmanagerConfigured,
    AlertmanagerSeen,
    HistoryAsked,
    PrometheusSeen,
    RuleLoaded,
    TakenAlert,
    Timing,
)
from chaos.facts.pages import PageSeen
from chaos.facts.recording import Recording
from chaos.facts.run import FORMAT, RunStarted
from chaos.judge import design_delay, inputs, suppression
from chaos.judge.blindness import Blindness
from chaos.judge.identity import Identities
from chaos.judge.inputs import Unfed
from chaos.judge.instance import Instance, Told, page_key
from chaos.judge.others import others
from chaos.judge.stretch import Stretch, joined, looked_after
from chaos.judge.suppression import Suppression
from chaos.judge.window import Window
from chaos.spec import routing
from chaos.spec.pace import Pace
from chaos.spec.routing import Routing
from chaos.verdict.results import Delays


class Measured(TypedDict):
    """When it was true, fired and was delivered, in seconds since the injection; when resolved, since the undo."""

    condition_true: float | None
    firing: float | None
    delivered: float | None
    resolved: float | None
    held_until: float | None
    held_by: str
    pages: int


NOTHING = Measured(
    condition_true=None, firing=None, delivered=None, resolved=None, held_until=None, held_by="", pages=0
)
"""Of an alert that was never seen."""


@dataclass(frozen=True, slots=True)
class AlertEvidence:
    """The alert facts of one run."""

    span: Window
    receiver: str
    rules: frozenset[str]
    """Rules that Prometheus ran in good health all the time, but for when a fault blinded it."""
    timings: dict[str, RuleLoaded]
    instances: dict[Key, Instance]
    """All that were true, fired or were paged since the baseline, in their order."""
    suppressions: tuple[Suppression, ...]
    firing_at_baseline: frozenset[Key]
    """What fired when the baseline began."""
    complete: bool
    """Whether Prometheus's own history of the run was read."""
    blindness: Blindness
    routing: Routing | None
    """None where it was not recorded."""
    observed: frozenset[str]
    """The receivers that lead to the pager."""
    unfed: dict[str, Unfed]
    """Alerts whose rule had input in the baseline and none while the fault was held, by name."""
    standing: frozenset[str]
    """Alerts whose rule was not evaluated for a while, but for when a fault blinded Prometheus."""
    format: int
    pace: Pace
    """Of the recording, as its format."""
    only: Mapping[str, str]
    others: frozenset[str]
    """Alerts that cannot be the target's: not those with the labels `only`."""

    @classmethod
    def of(cls, recording: Recording, span: Window) -> "AlertEvidence":
        """Index the facts of a run."""
        started = recording.first(RunStarted)
        assert started is not None
        blindness = Blindness.of(recording, span)
        looks = [look for look in recording.all(PrometheusSeen) if look.error is None]
        timings = {rule.alert: rule for rule in recording.all(RuleLoaded)}
        gathered = _Gathering(recording, span, looks, timings, blindness)
        return cls(
            span=span,
            receiver=started.receiver,
            rules=running(looks, blindness, span),
            timings=timings,
            instances=gathered.instances(),
            suppressions=suppression.of(recording, span),
            firing_at_baseline=gathered.before,
            complete=any(asked.error is None for asked in recording.all(HistoryAsked)),
            blindness=blindness,
            routing=routing_of(recording),
            observed=frozenset(started.receivers),
            unfed=inputs.unfed(recording, span),
            standing=frozenset(name for look in blindness.that_count(looks, span) for name in look.standing),
            format=started.format,
            pace=started.pace,
            only=started.only,
            others=others(recording),
        )

    def receivers_of(self, name: str, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Where the routing sends it, of those that lead to the pager; the first is where its page counts."""
        if self.routing is not None:
            routed = [one for one in self.routing.receivers(name, labels) if one in self.observed]
            return tuple(routed) or (self.receiver,)
        return (self.timings[name].receiver if name in self.timings else self.receiver,)

    def watched_to_the_end(self, name: str) -> bool:
        """Whether the run went on while it was pending or had to resolve, also where nobody listed it."""
        return self.format >= FORMAT and name in self.timings

    def step_seconds(self, name: str) -> float:
        """Between two evaluations of its rule."""
        return _step_seconds(name, self.timings, self.pace)

    def measure(self, one: Instance, receiver: str) -> Measured:
        """When what happened to it, as this receiver was told."""
        injected, undoing, undone = self.span.injected, self.span.undoing, self.span.undone
        if injected is None:
            return NOTHING
        told = one.accepted(receiver, fires=True, since=injected)
        page = told[0] if told else None
        cleared = None
        if undoing is not None and page is not None:
            cleared = next(iter(one.accepted(receiver, fires=False, since=max(undoing, page.at))), None)
        true = one.condition_true
        held = None
        if true is not None and page is not None:
            held = suppression.last(self.suppressions, one.key, true, page.at)
        return {
            "condition_true": None if true is None else true - injected,
            "firing": one.firing[0].start - injected if one.firing else None,
            "delivered": None if page is None else page.at - injected,
            "resolved": None if cleared is None or undone is None else cleared.at - undone,
            "held_until": None if held is None else held.end - injected,
            "held_by": "" if held is None else held.why,
            "pages": len(told),
        }

    def longest_pending(self, name: str) -> float | None:
        """For how long its condition was true at a stretch, at most, in seconds; None when it never was."""
        found = [stretch.seconds for one in self.instances.values() if one.name == name for stretch in one.true]
        return max(found, default=None)

    def delays(self, name: str) -> tuple[Delays | None, Delays | None]:
        """Design delays of the drill and of production."""
        rule = self.timings.get(name)
        if rule is None:
            return None, None
        return _delays(rule.timing), _delays(rule.production) if rule.production else None


def running(looks: Iterable[PrometheusSeen], blindness: Blindness, span: Window) -> frozenset[str]:
    """Rules that ran in good health at every look that counts."""
    seen = [frozenset(look.rules) for look in blindness.that_count(looks, span)]
    return frozenset.intersection(*seen) if seen else frozenset()


class _Gathering:
    """Collects what was seen of each instance. What was seen while it happened counts as well as Prometheus's store,
    which a restart may have emptied."""

    def __init__(
        self,
        recording: Recording,
        span: Window,
        looks: Sequence[PrometheusSeen],
        timings: dict[str, RuleLoaded],
        blindness: Blindness,
    ) -> None:
        # Only what fired before users were watched is not ours: an alert that begins in the baseline is a finding.
        self._begin = span.baseline if span.baseline is not None else span.end
        self._end = span.end
        self._timings = timings
        self._pace = recording.pace
        self._identities = Identities.of(recording)
        # By when they were, not by when they were written: the drill's own look may be told before one under way.
        self._looks = sorted(looks, key=lambda look: look.at)
        # A Prometheus that has just begun anew shows nothing before its first evaluation: nobody saw that it ended.
        self._looked = [look.at for look in self._looks if not blindness.blinded("prometheus", look.at)]
        self._true: dict[Key, list[float]] = {}
        self._firing: dict[Key, list[float]] = {}
        self._since: dict[Key, list[tuple[float, float]]] = {}
        self._seen: dict[Key, list[float]] = {}
        self._pages: dict[Key, list[Told]] = {}
        self._taken: dict[Key, list[tuple[Stretch, TakenAlert]]] = {}
        self.before = self._firing_when_it_began()
        self._gather_stored(recording.all(AlertHistory))
        self._gather_looks()
        self._gather_pages(recording.all(PageSeen))
        self._gather_taken(recording.all(AlertmanagerSeen))

    def instances(self) -> dict[Key, Instance]:
        """All of them; what Alertmanager has without having it from this run is none."""
        found = {key: self._instance(key) for key in sorted({*self._true, *self._firing, *self._pages})}
        return {key: one for key, one in found.items() if one.true or one.firing or one.pages}

    def _instance(self, key: Key) -> Instance:
        step = _step_seconds(key[0], self._timings, self._pace)
        true = joined(self._true.get(key, ()), step, self._looked)
        firing = joined(self._firing.get(key, ()), step, self._looked)
        pending_at_end = self._pending_at_end(true, firing, step)
        if key in self.before:
            firing = tuple(one for one in firing if one.start > self._begin + 1.5 * step)
        taken = self._taken.get(key, [])
        return Instance(
            key=key,
            true=true,
            firing=firing,
            since=tuple(self._since.get(key, ())),
            looked=tuple(sorted(self._seen.get(key, ()))),
            pages=tuple(sorted(self._pages.get(key, ()), key=lambda told: told.at)),
            had=tuple(stretch for stretch, _ in taken),
            inhibited=tuple((stretch, tuple(one.inhibited_by)) for stretch, one in taken if one.inhibited_by),
            silenced=tuple(stretch for stretch, one in taken if one.silenced_by or one.muted_by),
            fired_before=key in self.before,
            pending_at_end=pending_at_end,
            look=self._pace.look,
        )

    def _pending_at_end(self, true: Sequence[Stretch], firing: Sequence[Stretch], step: float) -> bool:
        if not true or (firing and firing[-1].end >= true[-1].end):
            return False
        return not looked_after(true[-1].end, step, self._looked)

    def _gather_stored(self, histories: Iterable[AlertHistory]) -> None:
        for history in histories:
            key = self._identities.key(history.name, history.labels)
            samples = [at for at in history.samples if at >= self._begin]
            self._true.setdefault(key, []).extend(samples)
            if history.state == "firing":
                self._firing.setdefault(key, []).extend(samples)

    def _gather_looks(self) -> None:
        for look in self._looks:
            for alert in look.alerts if look.at >= self._begin else []:
                key = self._identities.key(alert.name, alert.labels)
                self._true.setdefault(key, []).extend((max(alert.active_since, self._begin), look.at))
                self._seen.setdefault(key, []).append(look.at)
                if alert.state == "firing":
                    self._firing.setdefault(key, []).append(look.at)
                    self._since.setdefault(key, []).append((look.at, alert.active_since))

    def _gather_pages(self, pages: Iterable[PageSeen]) -> None:
        for page in pages:
            for alert in page.alerts if page.at >= self._begin else []:
                # The page of one that fired before may be late; that it is resolved is no news of ours either.
                if alert.fired_at >= self._begin:
                    self._pages.setdefault(page_key(alert), []).append(Told(page, alert))

    def _gather_taken(self, looks: Sequence[AlertmanagerSeen]) -> None:
        # A look that has nothing new tells no alerts: what the one before told goes on.
        told = [look for look in looks if look.alerts is not None or look.error is not None]
        for look, end in zip(told, [*(later.at for later in told[1:]), self._end], strict=False):
            stretch = Stretch(max(look.at, self._begin), end)
            for alert in (look.alerts or []) if stretch.seconds > 0 else []:
                self._taken.setdefault(self._identities.key(alert.name, alert.labels), []).append((stretch, alert))

    def _firing_when_it_began(self) -> frozenset[Key]:
        latest = max((look for look in self._looks if look.at <= self._begin), key=lambda look: look.at, default=None)
        alerts = latest.alerts if latest else []
        return frozenset(self._identities.key(one.name, one.labels) for one in alerts if one.state == "firing")


def routing_of(recording: Recording) -> Routing | None:
    """The routing with which a run was made; None where it was not recorded, or cannot be read."""
    configured = recording.first(AlertmanagerConfigured)
    if configured is None or configured.error is not None:
        return None
    try:
        return routing.read(configured.config)
    except ValueError:
        return None


def _step_seconds(name: str, timings: dict[str, RuleLoaded], pace: Pace) -> float:
    return timings[name].timing.evaluation_seconds if name in timings else pace.beat


def _delays(timing: Timing) -> Delays:
    return Delays(
        design_delay.detection_seconds(timing),
        design_delay.delivery_seconds(timing),
        design_delay.resolution_seconds(timing),
        timing.group_interval_seconds,
    )
