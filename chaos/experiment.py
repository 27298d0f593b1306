"""The values of an experiment file: a claim, one fault, what must stay true, which alerts must speak."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chaos import yamlfile
from chaos.errors import InvalidFile
from chaos.faults import AnyFault
from chaos.values import Bound, Duration

LOAD_QUERIES = {
    "load:failed:ratio": "share of users' requests that failed",
    "load:latency:p50": "median latency of users' requests in seconds",
    "load:latency:p99": "99th percentile of the latency of users' requests in seconds",
    "load:requests:rate": "users' requests per second",
}


class SteadyState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that must stay true, with a bound for each phase in which it is checked."""

    name: str
    """In words."""
    query: str
    """`load:…` for what users saw, anything else is PromQL with one number as its answer."""
    before: Bound | None = None
    during: Bound | None = None
    after: Bound | None = None

    @property
    def from_load(self) -> bool:
        """Whether it is measured at the user's side."""
        return self.query.startswith("load:")

    def bound(self, phase: str) -> Bound | None:
        """The bound for `before`, `during` or `after`."""
        bounds = {"before": self.before, "during": self.during, "after": self.after}
        return bounds[phase]


class AlertWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alert that must fire, be delivered and resolve."""

    name: str
    fires_within: Duration
    """From the proven injection to the page accepted."""
    resolves_within: Duration
    """From the proven undo to the resolved message accepted."""
    labels: dict[str, str] = {}
    """Labels that the alert must carry; others may be there too."""


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One experiment file; its id is the file's name."""

    title: str
    claim: str
    """What is said of users, in words."""
    fault: AnyFault
    steady_state: list[SteadyState]
    recover_within: Duration
    """From the proven undo until the steady state is back for good."""
    alerts: list[AlertWindow] = []
    """Every one must fire."""
    may_fire: list[str] = []
    """These may; any other that fires is a surprise."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that experiments may use."""

    alerts: frozenset[str]
    instances: frozenset[str]


def read(file: Path, vocabulary: Vocabulary) -> Experiment:
    """Read one experiment and check every name in it. Raises InvalidFile."""
    experiment = yamlfile.read(file, Experiment)
    for path, reason in _faults_found(experiment, vocabulary):
        raise yamlfile.located(file, path, reason)
    return experiment


def find(folder: Path, experiment_id: str) -> Path:
    """The file of the experiment with this id. Raises InvalidFile naming those that exist."""
    file = folder / f"{experiment_id}.yaml"
    if not file.is_file():
        raise InvalidFile(file, "", f"no such experiment; there are: {', '.join(ids(folder)) or 'none'}")
    return file


def ids(folder: Path) -> list[str]:
    """The ids of all experiments in a folder, in order."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def _faults_found(experiment: Experiment, vocabulary: Vocabulary) -> Iterable[tuple[str, str]]:
    aim = experiment.fault.aims_at()
    if aim is not None and aim not in vocabulary.instances:
        yield "fault.instance", f"unknown instance {aim}; there are: {', '.join(sorted(vocabulary.instances))}"
    if not experiment.steady_state:
        yield "steady_state", "nothing is claimed: give at least one check"
    for index, check in enumerate(experiment.steady_state):
        yield from _check_found(f"steady_state[{index}]", check)
    for index, alert in enumerate(experiment.alerts):
        if alert.name not in vocabulary.alerts:
            yield f"alerts[{index}].name", _unknown_alert(alert.name, vocabulary)
        if alert.fires_within > experiment.fault.for_:
            yield f"alerts[{index}].fires_within", f"longer than the fault is held ({experiment.fault.for_})"
    for index, name in enumerate(experiment.may_fire):
        if name not in vocabulary.alerts:
            yield f"may_fire[{index}]", _unknown_alert(name, vocabulary)


def _check_found(path: str, check: SteadyState) -> Iterable[tuple[str, str]]:
    if check.from_load and check.query not in LOAD_QUERIES:
        yield f"{path}.query", f"unknown load metric {check.query}; there are: {', '.join(LOAD_QUERIES)}"
    if check.before is check.during is check.after is None:
        yield path, "checks nothing: give a bound for before, during or after"


def _unknown_alert(name: str, vocabulary: Vocabulary) -> str:
    return f"unknown alert {name}; there are: {', '.join(sorted(vocabulary.alerts))}"
