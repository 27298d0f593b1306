"""What a run is to do, and the first fact of it."""

from dataclasses import dataclass

from chaos.drill.context import RunContext
from chaos.facts.run import FORMAT, FaultSaid, RunStarted
from chaos.spec import length
from chaos.spec.experiment import Experiment
from chaos.spec.load import LoadSettings
from chaos.spec.pace import Pace
from chaos.spec.panel import Panel


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run."""

    run_id: str
    experiment_id: str
    experiment: Experiment
    """As it is held at this pace."""
    pace: Pace
    known_alerts: frozenset[str]
    load: LoadSettings
    revision: str
    dirty: bool
    panels: tuple[Panel, ...] = ()
    at_most: float = 0.0
    """Seconds for which it may last at least, whatever is run; else how long it lasts would say what that is."""
    another_follows: bool = False
    """Whether the clean past of the next run is made as soon as this one has asked Prometheus for all it needs."""

    @property
    def longest_seconds(self) -> float:
        """After which it has ended, or hangs."""
        return max(self.at_most, length.longest(self.experiment, self.pace))


def started(plan: Plan, context: RunContext, victims: list[str]) -> RunStarted:
    """What is run, from where, and how its clock maps to others."""
    target = context.system.target
    return RunStarted(
        0.0,
        plan.run_id,
        plan.experiment_id,
        plan.experiment.describe_faults(),
        target.alerting.receiver if target.alerting else "",
        target.alerting.heartbeat_receiver if target.alerting else "",
        sorted(plan.known_alerts),
        next(iter(victims), None),
        context.wall,
        context.boottime,
        plan.load.rate_per_second,
        plan.revision,
        plan.dirty,
        target.alerting is not None,
        target.has_ledgers,
        FaultSaid.of_all(plan.experiment, {name: one.gives for name, one in target.instances.items()}),
        victims,
        list(target.alerting.all_receivers) if target.alerting else [],
        FORMAT,
        plan.pace,
        target.alerting.only if target.alerting else {},
        messages=target.alerting.messages if target.alerting else {},
        stands_for=target.alerting.stands_for if target.alerting else [],
        settings=target.settings,
    )
