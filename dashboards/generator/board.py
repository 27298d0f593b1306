"""The words in which a dashboard is written down: boards of rows of panels of queries."""

from dataclasses import dataclass, field
from enum import StrEnum

RATE = "[$__rate_interval]"
SELECTED = 'job=~"$job",instance=~"$instance"'
"""What the dashboard's own variables select."""
KILL_SHOP = "process.kill shop"
"""The fault of one shop instance that is killed."""


class Kind(StrEnum):
    """How a panel shows its lines."""

    LINES = "lines"
    STACK = "stack"
    STATES = "states"
    """A band a series, coloured by its value."""
    NUMBER = "number"
    """The present alone, in large."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    expression: str
    legend: str = ""
    """With `{{label}}`."""
    exemplars: bool = False
    """Show the example traces that the histogram carries."""


@dataclass(frozen=True, slots=True)
class State:
    """What a value of a states panel means."""

    value: int
    text: str
    color: str


UP_OR_DOWN = (State(0, "down", "red"), State(1, "up", "green"))


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel."""

    title: str
    description: str
    unit: str
    """Grafana's name of it."""
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    width: int = 8
    """Of 24."""
    states: tuple[State, ...] = ()
    limit: float | None = None
    """Upper end of the axis, where there is a natural one; a red line stands there."""
    moves_with: tuple[str, ...] = ()
    """Faults that must move it; a run checks that they do, and that without a fault it stands still."""
    alerts: tuple[str, ...] = ()
    """Alerts that watch the same thing; the panel links to their runbooks."""
    traces: str = ""
    """The service whose traces explain it; the panel's lines link to a search for them."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of the dashboard."""

    name: str
    label: str
    selector: str
    """The series whose label values are offered; may use variables that stand before it."""
    values_of: str
    """The label."""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; `uid` is also the name of its file."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    texts: dict[str, str] = field(default_factory=dict)
    """Further variables that are typed in, with what stands in them at first."""


def job_and_instance(metric: str) -> tuple[Variable, Variable]:
    """The two usual variables, offering whoever has the metric."""
    return (
        Variable("job", "Job", metric, "job"),
        Variable("instance", "Instance", _with_job(metric), "instance"),
    )


def _with_job(metric: str) -> str:
    return metric.replace("}", ',job=~"$job"}') if metric.endswith("}") else metric + '{job=~"$job"}'


def quantile(share: float, histogram: str, selector: str, *by: str) -> str:
    """A quantile of a histogram, by these labels."""
    return f"histogram_quantile({share:g}, {rate(f'{histogram}_bucket', selector, 'le', *by)})"


def answered(selector: str) -> str:
    """1 for an instance that answered one of the last scrapes, else 0: a single lost scrape is no outage.

    An instance has a small range of metrics ports, one a worker, most of them unused: any of them will do.
    """
    return f"max by (job, instance) (max_over_time(up{{{selector}}}{RATE}))"


def rate(counter: str, selector: str, *by: str) -> str:
    """Increase of a counter per second, by these labels."""
    return f"sum by ({', '.join(by)}) (rate({counter}{{{selector}}}{RATE}))"
