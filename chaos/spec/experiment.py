"""The values of an experiment file: a claim, one fault, what must stay true, which alerts must speak."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from chaos.errors import InvalidFile
from chaos.spec import promql, yamlfile
from chaos.spec.abort import AbortConditions
from chaos.spec.alert_window import AlertWindow, MayFire
from chaos.spec.faults.table import AnyFault
from chaos.spec.pace import Pace
from chaos.spec.rules import Wait
from chaos.spec.values import Bound, Duration

LOAD_QUERIES = {
    "load:failed:ratio": "share of users' requests that failed",
    "load:latency:p50": "median latency of users' requests in seconds",
    "load:latency:p99": "99th percentile of the latency of users' requests in seconds",
    "load:requests:rate": "users' requests per second",
}

PRINCIPLES = (
    "statelessness",
    "async-io",
    "pooling",
    "caching",
    "request-response",
    "load-balancing",
    "observability",
)
"""The seven principles of scaling that the system follows."""


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


class Staged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A further fault, injected some time after the main one."""

    fault: AnyFault
    """Undone after its own `for`, at the latest with the main one."""
    after: Duration = Duration()
    """From the main fault's injection."""


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
    may_fire: list[str | MayFire] = []
    """These may, and then have to be told and to resolve; any other that fires is a surprise."""
    pages: Bound | None = None
    """How many pages in all may say that something fires, from the injection on; None: as many as come."""
    quiet: list[str] = []
    """Named because a neighbour of what is broken would page: these must not fire, as any that is not listed."""
    also: list[Staged] = []
    sessions_lost: Bound = Bound("==", 0)
    """For the share of acknowledged sessions and cart writes that are lost after recovery, or that a read of their user
    did not show: Redis replicates asynchronously, so a lost master may cost some."""
    abort_if: AbortConditions = None
    """Under which conditions the hold is ended at once, and everything undone; or `never`."""
    principle: str = ""
    """Which principle of scaling it is about, one of PRINCIPLES."""

    @property
    def faults(self) -> tuple[AnyFault, ...]:
        """The main fault, and those staged after it."""
        return (self.fault, *(staged.fault for staged in self.also))

    @property
    def allowed(self) -> tuple[MayFire, ...]:
        """The alerts that may fire, each with what is said of it."""
        return tuple(MayFire(one) if isinstance(one, str) else one for one in self.may_fire)

    @property
    def delays_pages(self) -> bool:
        """Whether a fault is on a page's way: then the page may come after the undo, and still in time."""
        return any(fault.keeps_pages_back() for fault in self.faults)

    def at(self, pace: Pace) -> "Experiment":
        """As it is held at this pace: what is about holds and alerts is stretched, and how far back PromQL looks.

        Strengths, bounds on what users feel, `recover_within` and the patience of `abort_if` are not.
        """
        return msgspec.structs.replace(
            self,
            fault=_held(self.fault, pace),
            also=[Staged(_held(one.fault, pace), pace.stretched(one.after)) for one in self.also],
            alerts=[_stretched(one, pace) for one in self.alerts],
            steady_state=[_looking_back(one, pace) for one in self.steady_state],
            may_fire=[one if isinstance(one, str) else _stretched(one, pace) for one in self.may_fire],
        )

    def describe_faults(self) -> str:
        """What is done to what, in words."""
        later = [f"after {staged.after} {staged.fault.describe()}" for staged in self.also]
        return "; ".join([self.fault.describe(), *later])


def _held(fault: AnyFault, pace: Pace) -> AnyFault:
    return msgspec.structs.replace(fault, for_=pace.stretched(fault.for_))


def _looking_back(check: SteadyState, pace: Pace) -> SteadyState:
    if check.from_load or pace.stretch == 1.0:
        return check
    return msgspec.structs.replace(check, query=promql.stretched(check.query, pace.stretch))


_W = TypeVar("_W", AlertWindow, MayFire)


def _stretched(window: _W, pace: Pace) -> _W:
    within = {name: getattr(window, name) for name in ("fires_within", "resolves_within")}
    return msgspec.structs.replace(
        window, **{name: None if one is None else pace.stretched(one) for name, one in within.items()}
    )


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that experiments may use."""

    alerts: frozenset[str]
    instances: frozenset[str]
    links: frozenset[str] = frozenset()
    promql: bool = True
    """Whether there is a Prometheus to be asked."""
    waits: Mapping[str, Wait] = field(default_factory=dict)
    """What each alert's page waits for, as far as files say."""
    any_alert: bool = False
    """Whether nobody could say which alerts there are: then any name is taken, which checks nothing."""
    expected: frozenset[str] | None = None
    """Those whose rules should be running in every run; None: all of them."""
    cannot: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Why its process control cannot do it: of an instance and a fault."""

    @property
    def should_run(self) -> frozenset[str]:
        """Alerts whose silence says nothing unless their rules run."""
        return self.alerts if self.expected is None else self.expected

    def knows(self, alert: str) -> bool:
        """Whether an experiment may name it."""
        return self.any_alert or alert in self.alerts


def read(file: Path, vocabulary: Vocabulary) -> Experiment:
    """Read one experiment and check every name in it. Raises InvalidFile."""
    experiment = yamlfile.read(file, Experiment)
    for path, reason in amiss(experiment, vocabulary):
        raise yamlfile.located(file, path, reason)
    return experiment


def find(folder: Path, experiment_id: str) -> Path:
    """The file of the experiment with this id. Raises InvalidFile naming those that exist."""
    there = {file.stem: file for file in files(folder)}
    if experiment_id not in there:
        missing = folder / f"{experiment_id}.yaml"
        raise InvalidFile(missing, "", f"no such experiment; there are: {', '.join(there) or 'none'}")
    return there[experiment_id]


def ids(folder: Path) -> list[str]:
    """The ids of the catalogue in a folder, in order: the experiments that every runtime can do."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def files(folder: Path) -> list[Path]:
    """The catalogue's files, and behind them those that only one runtime can do, in a folder of its name."""
    return [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*/*.yaml"))]


def amiss(experiment: Experiment, vocabulary: Vocabulary) -> Iterable[tuple[str, str]]:
    """Everything that cannot be meant: where it stands, and why."""
    yield from _fault_found("fault", experiment.fault, vocabulary)
    for index, staged in enumerate(experiment.also):
        yield from _fault_found(f"also[{index}].fault", staged.fault, vocabulary)
        if staged.after >= experiment.fault.for_:
            yield f"also[{index}].after", f"the fault is held for {experiment.fault.for_} only"
    if experiment.principle and experiment.principle not in PRINCIPLES:
        yield "principle", f"unknown principle {experiment.principle}; there are: {', '.join(PRINCIPLES)}"
    if not experiment.steady_state:
        yield "steady_state", "nothing is claimed: give at least one check"
    for index, check in enumerate(experiment.steady_state):
        yield from _check_found(f"steady_state[{index}]", check, vocabulary)
    for index, alert in enumerate(experiment.alerts):
        yield from _window_found(f"alerts[{index}]", alert, experiment, vocabulary)
    allowed = [one.name for one in experiment.allowed]
    for key, names in (("may_fire", allowed), ("quiet", experiment.quiet)):
        for index, name in enumerate(names):
            if not vocabulary.knows(name):
                yield f"{key}[{index}]", _unknown_alert(name, vocabulary)
    yield from _contradictions(experiment)
    yield from _aborts_found(experiment, vocabulary)


def notes(experiment: Experiment) -> list[str]:
    """What is valid and is hardly meant."""
    asked = [one for one in experiment.steady_state if not one.from_load and promql.compares(one.query)]
    why = "where it is false a comparison has no answer, which is missing data: leave it to the bound, or write `bool`"
    return [f"check {one.name!r}: {why}" for one in asked]


def _window_found(
    path: str, alert: AlertWindow, experiment: Experiment, vocabulary: Vocabulary
) -> Iterable[tuple[str, str]]:
    if not vocabulary.knows(alert.name):
        yield f"{path}.name", _unknown_alert(alert.name, vocabulary)
    if alert.fires_within > experiment.fault.for_ and not experiment.delays_pages:
        yield f"{path}.fires_within", f"longer than the fault is held ({experiment.fault.for_})"
    wait = vocabulary.waits.get(alert.name)
    if wait is not None and alert.fires_within.in_seconds < wait.seconds:
        yield f"{path}.fires_within", f"cannot be met: {wait}, {wait.seconds:g} s in all"
    if amiss := alert.amiss():
        yield path, amiss


def _aborts_found(experiment: Experiment, vocabulary: Vocabulary) -> Iterable[tuple[str, str]]:
    conditions = experiment.abort_if
    for index, one in enumerate(() if conditions is None or conditions == "never" else conditions):
        yield from _query_found(f"abort_if[{index}].query", one.query, vocabulary)


def _fault_found(path: str, fault: AnyFault, vocabulary: Vocabulary) -> Iterable[tuple[str, str]]:
    if fault.LONGEST is not None and fault.for_ > fault.LONGEST:
        yield f"{path}.for", f"{fault.LONGEST.total_seconds():g}s at most, or it hits whatever else runs here"
    for name in fault.instances():
        if name not in vocabulary.instances:
            yield f"{path}.instance", f"unknown instance {name}; there are: {', '.join(sorted(vocabulary.instances))}"
        if why := vocabulary.cannot.get((name, str(fault.__struct_config__.tag))):
            yield f"{path}.type", why
    for name in fault.links():
        if name not in vocabulary.links:
            yield f"{path}.link", f"unknown link {name}; there are: {', '.join(sorted(vocabulary.links)) or 'none'}"


def _contradictions(experiment: Experiment) -> Iterable[tuple[str, str]]:
    listed = {alert.name for alert in experiment.alerts}
    allowed = {one.name for one in experiment.allowed}
    for index, name in enumerate(experiment.quiet):
        if name in listed or name in allowed:
            yield f"quiet[{index}]", f"{name} is said to fire as well"
    for index, one in enumerate(experiment.allowed):
        # Another instance than the listed one may fire, but then it says which.
        if one.name in listed and not one.labels:
            yield f"may_fire[{index}]", f"{one.name} is said to have to fire; say by labels which other one may"


def _query_found(path: str, query: str, vocabulary: Vocabulary) -> Iterable[tuple[str, str]]:
    from_load = query.startswith("load:")
    if not from_load and not vocabulary.promql:
        yield path, f"the target names no Prometheus; without it there are: {', '.join(LOAD_QUERIES)}"
    if not from_load and (why := promql.amiss(query)):
        yield path, f"is no PromQL: {why}"
    if from_load and query not in LOAD_QUERIES:
        yield path, f"unknown load metric {query}; there are: {', '.join(LOAD_QUERIES)}"


def _check_found(path: str, check: SteadyState, vocabulary: Vocabulary) -> Iterable[tuple[str, str]]:
    yield from _query_found(f"{path}.query", check.query, vocabulary)
    if check.before is check.during is check.after is None:
        yield path, "checks nothing: give a bound for before, during or after"


def _unknown_alert(name: str, vocabulary: Vocabulary) -> str:
    there = f"there are: {', '.join(sorted(vocabulary.alerts))}" if vocabulary.alerts else "the target has no alerting"
    return f"unknown alert {name}; {there}"
