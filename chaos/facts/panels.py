"""What dashboards showed."""

import msgspec

from chaos.facts.fact import Fact


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
