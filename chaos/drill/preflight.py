"""What must be so before a run may begin: the stack is well and no alert lingers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from chaos.drill.clean_past import CleanPast
from chaos.errors import BaselineNotMet, FaultFailed, SignalUnavailable, StackUnreachable
from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import ActiveAlert, PrometheusSeen
from chaos.faults.hands import System
from chaos.machine.clock import Clock
from chaos.observe.prometheus import Prometheus
from chaos.reach import http
from chaos.spec import scope
from chaos.spec.door import plain
from chaos.spec.experiment import Experiment
from chaos.spec.pace import Pace

WELL_WITHIN_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.3
_SEEN_EVERY_SECONDS = 0.1
_TIMEOUT_SECONDS = 2.0

Waits = Callable[[str], None]


def stack_is_well(system: System, clock: Clock, waits: Waits, assert_watched: Callable[[], None]) -> None:
    """Wait until every instance runs and is ready, and somebody watches who would undo what is broken.

    Raises StackUnreachable after WELL_WITHIN_SECONDS.
    """
    deadline = clock.monotonic() + WELL_WITHIN_SECONDS
    while why := unwell(system) or _unwatched(assert_watched):
        waits(f"for {why}")
        if clock.monotonic() > deadline:
            raise StackUnreachable(f"{why}; see `make status`, or `make down` and `make up`")
        clock.wait(_LOOK_EVERY_SECONDS)


def unwell(system: System) -> str:
    """The first instance that does not run or is not ready, and why; empty when all are."""
    try:
        states = system.control.states()
    except SignalUnavailable as error:
        return f"the process manager: {error}"
    for name, instance in system.target.instances.items():
        if name not in states or not states[name].running:
            return f"{name}: {states.get(name, 'unknown to the process manager')}"
        if instance.ready and (why := _not_ready(instance.ready)):
            return f"{name}: {why}"
    return ""


def _unwatched(assert_watched: Callable[[], None]) -> str:
    try:
        assert_watched()
    except FaultFailed as error:
        return str(error)
    return ""


def rules_evaluated(prometheus: Prometheus, clock: Clock, waits: Waits, pace: Pace) -> frozenset[str]:
    """Wait until Prometheus says which rules it evaluates in good health, and return their names.

    Raises StackUnreachable when it does not within its `calm_seconds`.
    """
    deadline = clock.monotonic() + pace.calm_seconds
    while (look := prometheus.look(0.0)).error is not None or not look.rules:
        waits(f"for {look.error or 'any rule to be evaluated'}")
        if clock.monotonic() > deadline:
            raise StackUnreachable(look.error or "Prometheus evaluates no rule")
        clock.wait(_LOOK_EVERY_SECONDS)
    return frozenset(look.rules)


def clean_past(
    past: CleanPast, prometheus: Prometheus, clock: Clock, waits: Waits, before_effect: Callable[[], None], pace: Pace
) -> frozenset[str]:
    """Take the past that was made ahead, or make it now; returns the rules evaluated before.

    Raises StackUnreachable.
    """
    if (rules := past.take()) is not None:
        return rules
    rules = rules_evaluated(prometheus, clock, waits, pace)
    waits("for a clean history of Prometheus")
    before_effect()
    past.make()
    return rules


def all_scraped(prometheus: Prometheus, clock: Clock, waits: Waits, pace: Pace) -> None:
    """Wait until every target was scraped from now on. Raises StackUnreachable after its `calm_seconds`."""
    _await("scrape", prometheus.unscraped_since, clock, waits, pace)


def rules_are_back(prometheus: Prometheus, clock: Clock, waits: Waits, rules: frozenset[str], pace: Pace) -> None:
    """Wait until Prometheus, which began anew, has evaluated all of `rules`, as it had before.

    What a slow rule says of the steady state would be missing otherwise, however long that is watched.

    Raises StackUnreachable after its `calm_seconds`.
    """
    deadline = clock.monotonic() + pace.calm_seconds
    while missing := _unheard_of(prometheus.look(0.0), rules):
        waits(f"for Prometheus to evaluate {missing}")
        if clock.monotonic() > deadline:
            raise StackUnreachable(f"Prometheus does not evaluate {missing}, as it did before it began anew")
        clock.wait(_LOOK_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Concern:
    """The alerts that must be calm before a run: those that it lists, and whatever may be about to fire and is ours."""

    experiment: Experiment
    only: Mapping[str, str] = field(default_factory=dict)
    """Labels of the alerts that are the target's; empty: all are."""

    def lists(self, alert: ActiveAlert) -> bool:
        """Whether it may be one that has to fire for the fault: one that fires elsewhere is not."""
        return scope.may_be_listed(self.experiment.alerts, alert.name, alert.labels)

    def ours(self, alert: ActiveAlert) -> bool:
        """Whether the run is concerned at all."""
        return self.lists(alert) or scope.ours(self.only, alert.labels)


def calm_from_here(
    concern: Concern, prometheus: Prometheus, clock: Clock, waits: Waits, rules: frozenset[str], pace: Pace
) -> tuple[str, list[str]]:
    """Wait until every rule was evaluated from now on, and the alerts are calm.

    Returns what fires then, in words, and which alerts began meanwhile: what a fault of before left behind, such as a
    circuit that nobody had used since, is seen only by now. Raises as `alerts_are_calm`.
    """
    known = prometheus.look(0.0)
    _await("evaluate", prometheus.unevaluated_since, clock, waits, pace)
    began = _active(prometheus.look(0.0), concern) - _active(known, concern)
    calm = alerts_are_calm(concern, prometheus, clock, waits, rules, pace)
    # What was pending and fires now began to fire meanwhile, as surely as what was not there at all.
    left = began | (_active(calm, concern, "firing") - _active(known, concern, "firing"))
    firing = {alert.name for alert in calm.alerts if alert.state == "firing"}
    return ", ".join(sorted(firing)) or "nothing", sorted({name for name, _ in left})


def alerts_are_calm(
    concern: Concern, prometheus: Prometheus, clock: Clock, waits: Waits, rules: frozenset[str], pace: Pace
) -> PrometheusSeen:
    """Wait until all of `rules` were evaluated, nothing is pending and no listed alert fires.

    What else fires is in the answer.

    Raises BaselineNotMet after its `calm_seconds` naming a listed alert, StackUnreachable when Prometheus is silent.
    """
    deadline = clock.monotonic() + pace.calm_seconds
    while True:
        look = prometheus.look(0.0)
        ours = [alert for alert in look.alerts if concern.ours(alert)]
        noisy = [alert.name for alert in ours if alert.state == "pending" or concern.lists(alert)]
        if look.error is None and rules <= set(look.rules) and not noisy:
            return look
        waits(f"for {look.error or ', '.join(sorted(set(noisy))) or 'every rule'} to be well")
        if clock.monotonic() > deadline:
            _give_up(look, concern)
            return look
        clock.wait(_LOOK_EVERY_SECONDS)


def _await(what: str, unseen: Callable[[float], list[str]], clock: Clock, waits: Waits, pace: Pace) -> None:
    deadline, begun = clock.monotonic() + pace.calm_seconds, clock.wall()
    while missing := _missing(unseen, begun):
        waits(f"for Prometheus to {what} {missing[0]}")
        if clock.monotonic() > deadline:
            raise StackUnreachable(f"Prometheus does not {what} {', '.join(missing)}")
        clock.wait(_SEEN_EVERY_SECONDS)


def _unheard_of(look: PrometheusSeen, rules: frozenset[str]) -> str:
    return look.error or ", ".join(sorted(rules - set(look.rules)))


def _active(look: PrometheusSeen, concern: Concern, *states: str) -> set[Key]:
    alerts = (alert for alert in look.alerts if concern.ours(alert))
    return {key_of(alert.name, alert.labels) for alert in alerts if not states or alert.state in states}


def _missing(unseen: Callable[[float], list[str]], moment: float) -> list[str]:
    try:
        return unseen(moment)
    except SignalUnavailable as error:
        return [f"anything: {error}"]


def _give_up(look: PrometheusSeen, concern: Concern) -> None:
    if look.error:
        raise StackUnreachable(look.error)
    firing = sorted({alert.name for alert in look.alerts if concern.lists(alert)})
    if firing:
        raise BaselineNotMet(f"already firing or pending before the fault: {', '.join(firing)}")


def _not_ready(url: str) -> str:
    try:
        status = http.get(url, _TIMEOUT_SECONDS).status_code
    except httpx.HTTPError as error:
        return f"{plain(url)}: {type(error).__name__}"
    return "" if status == 200 else f"{plain(url)} answers {status}"
