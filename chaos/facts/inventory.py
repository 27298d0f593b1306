"""What the servers of a stack said of its rules when it was adopted; nothing was changed to learn it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.facts.alerts import RuleSeen
from chaos.spec.routing import Routing


@dataclass(frozen=True, slots=True)
class RuleRuns:
    """One rule that is loaded, and whether it is evaluated."""

    rule: RuleSeen
    why_not: str = ""
    """Why it is not evaluated in good health; empty where it is."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """One target that Prometheus scrapes."""

    job: str
    instance: str


@dataclass(frozen=True, slots=True)
class LiveAlert:
    """An alert that Alertmanager has now."""

    name: str
    labels: Mapping[str, str]
    receivers: tuple[str, ...]
    kept_back: tuple[str, ...] = ()
    """In words, what keeps it from being told: ids of silences, names of mute intervals, who inhibits it."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence in force."""

    id: str
    who: str
    until: str
    matchers: tuple[tuple[str, str, str], ...]
    """Label, operator, value."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that was told."""

    rules: tuple[RuleRuns, ...]
    """Alerting and recording ones."""
    scrapes: Mapping[str, float]
    """How far apart each job's scrapes are, in seconds; empty where it does not scrape."""
    seen: Mapping[str, frozenset[str] | None]
    """Each selector of an alert: which values of the label `instance` its series had in the last hour, the empty one
    where they have none; None where nobody told."""
    targets: tuple[Scraped, ...] = ()
    external: Mapping[str, str] = field(default_factory=dict)
    """Labels that Prometheus adds to what it sends."""
    relabel: tuple[Mapping[str, Any], ...] = ()
    """What it does to labels before it sends them: its `alert_relabel_configs`."""
    routing: Routing | None = None
    """None: Alertmanager was not asked, or did not tell."""
    live: tuple[LiveAlert, ...] = ()
    silences: tuple[Silence, ...] = ()
    links: tuple[str, ...] = ()
    """Toxiproxy's proxies."""
    untold: tuple[str, ...] = ()
    """What could not be asked, and why."""
