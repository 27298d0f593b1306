"""A delivery to the pager as people are told of it."""

from chaos.facts.game import Paged
from chaos.facts.pages import PageAlert, PageSeen


def as_told(page: PageSeen, now: float, number: int = 0) -> Paged:
    """The fact of a game; it has at least one alert. `number`: 0 where whoever writes it down numbers it."""
    first = next((alert for alert in page.alerts if alert.status == "firing"), page.alerts[0])
    told = [_named(one) for one in page.alerts]
    summary = first.annotations.get("summary", "")
    runbook = first.annotations.get("runbook_url", "")
    dashboard = first.annotations.get("dashboard_url", "")
    firing = any(alert.status == "firing" for alert in page.alerts)
    over = [_named(alert) for alert in page.alerts if firing and alert.status != "firing"]
    return Paged(number, now, page.receiver, firing, told, summary, runbook, page.at, over, dashboard)


def _named(alert: PageAlert) -> str:
    return f"{alert.name}{{{', '.join(f'{k}={v}' for k, v in sorted(_own(alert.labels).items()))}}}"


def _own(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "alertname"}
