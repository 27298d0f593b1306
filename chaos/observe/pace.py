"""How fast time runs on a target: ours says so; of another one Prometheus and Alertmanager tell."""

from collections.abc import Callable

import msgspec

from chaos.errors import SignalUnavailable, StackUnreachable
from chaos.facts.alerts import RuleLoaded, RuleSeen, Timing
from chaos.judge import design_delay
from chaos.judge.judge import FEWEST_VICTIM_REQUESTS
from chaos.machine.clock import Clock
from chaos.observe.alertmanager import Alertmanager
from chaos.observe.prometheus import Prometheus
from chaos.observe.timing import rules_loaded
from chaos.spec import length, promql, routing
from chaos.spec.experiment import Experiment
from chaos.spec.pace import BASELINE_BEATS, BEYOND_DESIGN_BEATS, SETTLED_BEATS, Pace
from chaos.spec.target import Target

TOLD_WITHIN_SECONDS = 20.0
_ASKS_EVERY_SECONDS = 0.5
_MET = 2
"""So many times the fewest requests that a victim needs: nobody says that they are spread evenly."""


def of(target: Target, experiment: Experiment, clock: Clock, waits: Callable[[str], None] = lambda _: None) -> Pace:
    """That of a run of this experiment on this target.

    Raises StackUnreachable when Prometheus or Alertmanager has not told for TOLD_WITHIN_SECONDS: a guess that is too
    fast would end a run before what it waits for.
    """
    if target.pace is not None:
        pace = Pace.of_ours(target.pace)
    elif target.urls.prometheus:
        pace = _told(target, experiment, clock, waits)
    else:
        pace = Pace()
    pace = _of_users(pace, target)
    return pace.looking_for(length.about(experiment.at(pace), pace))


def _of_users(pace: Pace, target: Target) -> Pace:
    """With how long it takes to learn something of users who come rarely; of others the beats are long enough."""
    settings = target.load.settings()
    serving = sum(one.serves_users for one in target.instances.values())
    met = _MET * serving * FEWEST_VICTIM_REQUESTS / settings.rate_per_second
    shortest = pace.seconds(min(BASELINE_BEATS, SETTLED_BEATS))
    telling = settings.telling_seconds if settings.telling_seconds > shortest else 0.0
    return msgspec.structs.replace(pace, telling=telling, met=met if met > shortest else 0.0)


def _told(target: Target, experiment: Experiment, clock: Clock, waits: Callable[[str], None]) -> Pace:
    deadline = clock.monotonic() + TOLD_WITHIN_SECONDS
    while True:
        try:
            return _ask(target, experiment)
        except SignalUnavailable as error:
            if clock.monotonic() > deadline:
                raise StackUnreachable(f"how fast its rules and scrapes run cannot be told: {error}") from error
            waits(f"for {error}")
        clock.wait(_ASKS_EVERY_SECONDS)


def _ask(target: Target, experiment: Experiment) -> Pace:
    """Raises SignalUnavailable."""
    prometheus = Prometheus(target.urls.prometheus)
    try:
        scrapes = prometheus.scrape_intervals()
        rules = prometheus.rules_loaded() if target.alerting is not None else []
    finally:
        prometheus.close()
    asked = [check.query for check in experiment.steady_state if not check.from_load]
    read = [scrapes[job] for query in asked for job in promql.jobs(query, scrapes)]
    about = [one.timing for one in _loaded(target, rules, scrapes) if one.alert in _named(experiment)]
    read += [max(one.scrape_seconds, one.evaluation_seconds) for one in about]
    pace = Pace.in_real_time(max(read, default=1.0))
    slowest = max([*scrapes.values(), *(rule.interval_seconds for rule in rules)], default=0.0)
    owed = max((_told_after(one) for one in about), default=0.0)
    beyond = pace.seconds(BEYOND_DESIGN_BEATS) if owed else 0.0
    return Pace(pace.beat, pace.stretch, owed=owed + beyond, slowest=slowest)


def _loaded(target: Target, rules: list[RuleSeen], scrapes: dict[str, float]) -> list[RuleLoaded]:
    """Raises SignalUnavailable."""
    if target.alerting is None:
        return []
    alertmanager = Alertmanager(target.urls.alertmanager)
    configured = alertmanager.configured()
    alertmanager.close()
    if configured.error is not None:
        raise SignalUnavailable(configured.error)
    try:
        routes = routing.read(configured.config)
    except ValueError:
        return []  # it will be in the recording, and the judge says so
    return rules_loaded(rules, scrapes, routes, target.alerting.all_receivers, None)


def _named(experiment: Experiment) -> set[str]:
    return {one.name for one in experiment.alerts} | {one.name for one in experiment.allowed}


def _told_after(timing: Timing) -> float:
    """By design, from the fault's end until it was told that it is over, had it only begun then."""
    begun = design_delay.detection_seconds(timing) + design_delay.delivery_seconds(timing)
    return begun + timing.group_interval_seconds + design_delay.resolution_seconds(timing)
