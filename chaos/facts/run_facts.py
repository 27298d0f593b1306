"""The facts a recording is made of. `at` is seconds since the run's start, on the monotonic clock.

The load's own facts (one per request) and the order ledger are files beside these; see chaos/load.
"""

from typing import TypeAlias

import msgspec

from chaos.facts.trace import TraceSeen


class Fact(msgspec.Struct, frozen=True, tag_field="fact"):
    """Base of all facts."""

    at: float


class RunStarted(Fact, frozen=True, tag="run_started"):
    """The first fact: what is run, from where, and how its clock maps to others."""

    run_id: str
    experiment_id: str
    fault: str
    """The fault in words."""
    receiver: str
    """The Alertmanager receiver at which a page counts as delivered."""
    heartbeat_receiver: str
    """The receiver that an always-firing alert reaches all the time; empty where there is none."""
    known_alerts: list[str]
    """Alerts whose rules should be running; the silence of one that is not loaded says nothing."""
    victim: str | None = msgspec.field(name="through")
    """The instance whose share of users' requests must not be nothing; None where that cannot be counted."""
    wall: float
    """Unix time at `at` 0."""
    boottime: float
    """CLOCK_BOOTTIME at `at` 0."""
    rate_per_second: float
    """Nominal rate of the load."""
    revision: str
    dirty: bool
    alerts_judged: bool = True
    """Whether the stack has alerting that we can look at."""
    has_ledgers: bool = True
    """Whether users keep ledgers of orders and sessions."""


class PhaseBegan(Fact, frozen=True, tag="phase_began"):
    """A phase began; it lasts until the next one begins or the run ends."""

    phase: str


class Timing(msgspec.Struct, frozen=True):
    """The delays that configuration alone explains, of one alert, in seconds."""

    scrape_seconds: float
    evaluation_seconds: float
    window_seconds: float
    """The shortest range the rule looks back over; 0 for a rule about the present."""
    for_seconds: float
    group_wait_seconds: float
    group_interval_seconds: float
    keep_firing_for_seconds: float = 0.0


class RuleLoaded(Fact, frozen=True, tag="rule_loaded"):
    """An alerting rule that Prometheus runs, and its way to the pager."""

    alert: str
    receiver: str
    """Where the routing sends it."""
    timing: Timing
    production: Timing | None
    """The same with production durations, where they are known."""


class ActiveAlert(msgspec.Struct, frozen=True):
    """A pending or firing alert."""

    name: str
    labels: dict[str, str]
    """All labels but `alertname`."""
    state: str
    active_since: float
    """Seconds since the run's start; when Prometheus first saw its condition true."""


class PrometheusSeen(Fact, frozen=True, tag="prometheus_seen"):
    """One look at Prometheus."""

    error: str | None
    """Why it told nothing; None when it answered."""
    alerts: list[ActiveAlert] = []
    rules: list[str] = []
    """Names of the alerting rules it runs in good health."""


class TakenAlert(msgspec.Struct, frozen=True):
    """An alert that Alertmanager has."""

    name: str
    labels: dict[str, str]
    """All labels but `alertname`."""
    inhibited_by: list[str]
    """Names of the alerts for whose sake nobody is told of it."""


class AlertmanagerSeen(Fact, frozen=True, tag="alertmanager_seen"):
    """One look at Alertmanager."""

    error: str | None
    """Why it told nothing; None when it answered."""
    alerts: list[TakenAlert] | None = None
    """What it has; None where that is the same as at the look before, or it told nothing."""


class AlertHistory(Fact, frozen=True, tag="alert_history"):
    """The samples of one `ALERTS` series over the whole run, as stored by Prometheus."""

    name: str
    labels: dict[str, str]
    state: str
    samples: list[float]
    """When it was seen in this state, in seconds since the run's start."""


class HistoryAsked(Fact, frozen=True, tag="history_asked"):
    """Prometheus was asked for the history of all alerts; the facts before this one are its answer."""

    error: str | None
    """Why it told nothing; None when it answered."""


class QueryHistory(Fact, frozen=True, tag="query_history"):
    """The answers to one PromQL check at every scrape of the run; None where there was no one number."""

    query: str
    samples: list[tuple[float, float | None]]


class PanelSeries(msgspec.Struct, frozen=True):
    """One line of a dashboard's panel."""

    query: str
    """Grafana's letter for its query."""
    labels: dict[str, str]
    values: list[float | None]
    """One a step from the run's start on; None where there was no number."""


class PanelHistory(Fact, frozen=True, tag="panel_history"):
    """What one panel of a dashboard showed over the whole run."""

    dashboard: str
    panel: str
    moves_with: list[str]
    """Faults that must move it, as its description says."""
    step_seconds: float
    series: list[PanelSeries]
    error: str | None = None
    """Why Prometheus told nothing, or not all; None when it answered."""


class PanelsAsked(Fact, frozen=True, tag="panels_asked"):
    """Every panel's history was asked for; the `panel_history` facts before this one are the answers."""

    fault: str
    """The fault as panels name it: its type and the role of what it aims at."""
    window_seconds: float
    """How far back the panels' rates look: a change may take so long to be seen in full."""


class TracesSeen(Fact, frozen=True, tag="traces_seen"):
    """Some traces of the run, for people to look at; never for a verdict."""

    error: str | None
    """Why the trace store told nothing, or not all; None when it answered."""
    traces: list[TraceSeen] = []
    slow_seconds: float = 0.0
    """In recordings of before spans were kept: a trace that took at least this long was slow."""
    page: str = ""
    """Where a browser found a trace, its id to be appended, when the run ended; empty: no page for people answered."""
    whole_run: bool = False
    """Whether the run was asked for from its baseline to its end; before, it was the fault's window alone."""
    failed_found: int = 0
    """How many failed traces the store told of, of which `traces` has some."""
    more_failed: bool = False
    """Whether the store has more failed ones than it was asked to tell of."""
    more_slow: bool = False
    """Whether the store has more that are about as slow as some of these than it was asked to tell of."""
    missing: list[tuple[float, float]] = []
    """From when to when no trace of `service` began, in seconds since the run's start."""
    service: str = ""
    """The service in which most traces begin: whom users ask. Empty: there was no trace at all."""


class PageAlert(msgspec.Struct, frozen=True):
    """One alert in a delivery."""

    name: str
    labels: dict[str, str]
    status: str
    fired_at: float


class PageSeen(Fact, frozen=True, tag="page_seen"):
    """A delivery to the pager; `at` is when it arrived there."""

    receiver: str
    accepted: bool
    reason: str
    alerts: list[PageAlert]


class PagerSeen(Fact, frozen=True, tag="pager_seen"):
    """One look at the pager."""

    error: str | None


class ProcessesSeen(Fact, frozen=True, tag="processes_seen"):
    """What the process manager said, only where it changed since the last look."""

    states: dict[str, str]


class MachineSeen(Fact, frozen=True, tag="machine_seen"):
    """One look at the machine that all of this runs on."""

    cpu_waited: float
    """For how long since boot some process that could run had no CPU, in seconds."""


class Injected(Fact, frozen=True, tag="injected"):
    """The fault was put in place and proven; `at` is when it began to act."""

    detail: str
    victim_requests: int | None = msgspec.field(name="through_before")
    """Users' requests that the instance answered in the baseline."""


class FaultProof(Fact, frozen=True, tag="fault_proof"):
    """One look at the fault while it is held."""

    in_place: bool
    detail: str
    staged: int | None = None
    """Which of the experiment's staged faults; None: the main one."""


class StagedInjected(Fact, frozen=True, tag="staged_injected"):
    """A staged fault was put in place and proven."""

    staged: int
    """Its index under `also`."""
    detail: str


class StagedUndone(Fact, frozen=True, tag="staged_undone"):
    """A staged fault was undone and proven to be."""

    staged: int
    detail: str


class Undone(Fact, frozen=True, tag="undone"):
    """The fault was undone and proven to be."""

    detail: str


class RunEnded(Fact, frozen=True, tag="run_ended"):
    """The last fact: how the run came to its end."""

    how: str
    """One of the words of chaos.verdict.Ending."""
    detail: str
    by_hand: list[str] = []
    """What a human has to do, where an undo failed."""


AnyFact: TypeAlias = (
    RunStarted
    | PhaseBegan
    | RuleLoaded
    | PrometheusSeen
    | AlertmanagerSeen
    | AlertHistory
    | HistoryAsked
    | QueryHistory
    | PanelHistory
    | PanelsAsked
    | TracesSeen
    | PageSeen
    | PagerSeen
    | ProcessesSeen
    | MachineSeen
    | Injected
    | FaultProof
    | StagedInjected
    | StagedUndone
    | Undone
    | RunEnded
)
