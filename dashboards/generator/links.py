"""Where a panel leads: to the other dashboards, to runbooks, to the traces behind a line."""

from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.generator.variables import TRACE_SEARCH

Link = Builder[models.DashboardLink]
RUNBOOKS = "https://docs.example.com/alerts/runbooks"
"""As in the alerts' own `runbook_url`."""


def board_links(tag: str) -> list[Link]:
    """A menu of all dashboards with this tag, which keeps the time that is shown."""
    menu = sdk.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS)
    return [menu.tags([tag]).as_dropdown(True).keep_time(True)]


def runbook_links(alerts: tuple[str, ...]) -> list[Link]:
    """One link an alert that watches what the panel shows."""
    return [_link(f"Runbook: {alert}", f"{RUNBOOKS}/{alert}.md") for alert in alerts]


def trace_links(service: str) -> list[Link]:
    """A search for the service's traces of the time that is shown, and one for those with an error."""
    # Jaeger counts in microseconds, Grafana gives milliseconds: three noughts make one of the other.
    times = "start=${__from}000&end=${__to}000&lookback=custom"
    search = f"${{{TRACE_SEARCH}:raw}}/search?service={service}&{times}&limit=50"
    failed = "&tags=%7B%22error%22%3A%22true%22%7D"
    return [
        _link(f"Traces of {service}", search),
        _link(f"Failed traces of {service}", search + failed),
    ]


def _link(title: str, url: str) -> sdk.DashboardLink:
    return sdk.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url).target_blank(True)
