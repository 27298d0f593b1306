"""What Prometheus and Alertmanager say of alerts."""

from typing import Any

import msgspec

from chaos.facts.fact import Fact


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


class RuleSeen(Fact, frozen=True, tag="rule_seen"):
    """A rule as Prometheus had it loaded when the run began."""

    group: str
    name: str
    """Of the alert, or of the series that it records."""
    records: bool
    """Whether it records a series; else it is an alert."""
    query: str
    for_seconds: float = 0.0
    keep_firing_for_seconds: float = 0.0
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    interval_seconds: float = 0.0
    """Between two evaluations of its group; 0 in recordings of earlier releases."""


class AlertmanagerConfigured(Fact, frozen=True, tag="alertmanager_configured"):
    """Alertmanager's configuration when the run began, as it tells it: without secrets."""

    config: str
    version: str
    error: str | None = None
    """Why it told nothing; None when it answered."""


class AlertsSent(Fact, frozen=True, tag="alerts_sent"):
    """What Prometheus makes of labels before it sends an alert, by its own configuration."""

    external: dict[str, str] = msgspec.field(default_factory=dict)
    """Labels that it adds."""
    relabel: list[dict[str, Any]] = msgspec.field(default_factory=list)
    """Its `alert_relabel_configs`, one after the other."""
    error: str | None = None
    """Why it told nothing; None when it answered."""


class Counted(msgspec.Struct, frozen=True):
    """How often Alertmanager has told somebody, since it was started."""

    kind: str
    """Of the integration, such as `pagerduty`."""
    receiver: str
    """Empty where its counters do not tell receivers apart."""
    sent: float
    """Notifications, those that failed in the end included."""
    failed: float


class NotificationsCounted(Fact, frozen=True, tag="notifications_counted"):
    """Alertmanager's own counters of notifications."""

    counted: list[Counted]
    error: str | None = None
    """Why it told nothing; None when it answered."""


class SelectorSeen(Fact, frozen=True, tag="selector_seen"):
    """When a selector of a rule had series, by the instance that gave them, as stored by Prometheus."""

    selector: str
    present: dict[str, list[tuple[float, float]]]
    """Stretches in seconds since the run's start, by the label `instance`; empty where series have none."""
    error: str | None = None
    """Why Prometheus told nothing; None when it answered."""


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
    alerts: list[ActiveAlert] = msgspec.field(default_factory=list)
    rules: list[str] = msgspec.field(default_factory=list)
    """Names of the alerting rules that it runs in good health, every one that has the name."""
    standing: list[str] = msgspec.field(default_factory=list)
    """Names of alerting rules whose last evaluation is older than three intervals and a second."""
    took: float = 0.0
    """How many seconds the answer took."""


class TakenAlert(msgspec.Struct, frozen=True):
    """An alert that Alertmanager has."""

    name: str
    labels: dict[str, str]
    """All labels but `alertname`."""
    inhibited_by: list[str]
    """Names of the alerts for whose sake nobody is told of it."""
    silenced_by: list[str] = []
    """Ids of the silences that keep it from being told; not recorded by earlier releases, as the next."""
    muted_by: list[str] = []
    """Names of the mute intervals that do."""


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
