"""Prometheus as a witness: which rules it runs, which alerts are pending or firing, what its store says."""

from datetime import datetime
from typing import Any

import httpx

from chaos.errors import SignalUnavailable
from chaos.facts.alerts import ActiveAlert, AlertHistory, PrometheusSeen
from chaos.facts.metrics import QueryHistory
from chaos.reach.http import JsonApi

_HEALTHY = "ok"


class Prometheus:
    """One Prometheus server. Times are seconds since the run's start, which was at Unix time `wall`."""

    def __init__(self, url: str, wall: float = 0.0, transport: httpx.BaseTransport | None = None) -> None:
        self._api = JsonApi("Prometheus", url, transport)
        self._wall = wall

    def look(self, at: float) -> PrometheusSeen:
        """Its alerts now. Never raises: that it did not answer is a fact too."""
        try:
            rules = self._alerting_rules()
        except SignalUnavailable as error:
            return PrometheusSeen(at, str(error))
        alerts = [self._active(rule["name"], alert) for rule in rules for alert in rule["alerts"]]
        return PrometheusSeen(at, None, alerts, sorted(rule["name"] for rule in rules if rule["health"] == _HEALTHY))

    def hold_times(self) -> dict[str, float]:
        """The `for` of each alerting rule that it runs, in seconds. Raises SignalUnavailable."""
        return {rule["name"]: float(rule["duration"]) for rule in self._alerting_rules()}

    def unscraped_since(self, moment: float) -> list[str]:
        """The targets that were not scraped since this Unix time. Raises SignalUnavailable.

        One that has just started scrapes nothing for five seconds, and says so of every target.
        """
        targets = self._api.get("/api/v1/targets", state="active")["data"]["activeTargets"]
        missing = [str(one["labels"]["instance"]) for one in targets if _unix(one["lastScrape"]) < moment]
        return sorted(missing) if targets else ["any target"]

    def unevaluated_since(self, moment: float) -> list[str]:
        """The alerting rules that were not evaluated since this Unix time. Raises SignalUnavailable."""
        rules = self._alerting_rules()
        missing = [str(rule["name"]) for rule in rules if _unix(rule["lastEvaluation"]) < moment]
        return sorted(missing) if rules else ["any rule"]

    def alert_histories(self, end: float) -> list[AlertHistory]:
        """Every `ALERTS` series that has samples of the run, as stored up to `end`. Raises SignalUnavailable."""
        result = self._query(f"ALERTS[{_span(end)}]", end)
        histories = [
            AlertHistory(
                end,
                series["metric"]["alertname"],
                _without(series["metric"], "__name__", "alertname", "alertstate"),
                series["metric"]["alertstate"],
                [float(time) - self._wall for time, _ in series["values"] if float(time) >= self._wall],
            )
            for series in result
        ]
        # The range asked for is up to a second longer than the run.
        return [history for history in histories if history.samples]

    def query_history(self, query: str, start: float, end: float, step_seconds: float) -> QueryHistory:
        """The query's answer at every step between two moments of the run. Raises SignalUnavailable.

        A step with no answer, or with more than one series, has None.
        """
        first = int(start / step_seconds)
        answer = self._api.get(
            "/api/v1/query_range",
            query=query,
            start=self._wall + first * step_seconds,
            end=self._wall + end,
            step=step_seconds,
        )
        series = answer["data"]["result"]
        values = (
            {float(time) - self._wall: float(value) for time, value in series[0]["values"]} if len(series) == 1 else {}
        )
        steps = [index * step_seconds for index in range(first, int(end / step_seconds) + 1)]
        return QueryHistory(end, query, [(at, _nearest(values, at, step_seconds)) for at in steps])

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _query(self, query: str, at: float) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self._api.get("/api/v1/query", query=query, time=self._wall + at)["data"][
            "result"
        ]
        return result

    def _alerting_rules(self) -> list[dict[str, Any]]:
        groups = self._api.get("/api/v1/rules", type="alert")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _active(self, name: str, alert: dict[str, Any]) -> ActiveAlert:
        since = _unix(alert["activeAt"]) - self._wall
        return ActiveAlert(name, _without(alert["labels"], "alertname"), alert["state"], since)


def _unix(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _span(end: float) -> str:
    return f"{max(1, int(end) + 1)}s"


def _nearest(values: dict[float, float], at: float, step: float) -> float | None:
    return next((value for time, value in values.items() if abs(time - at) < step / 2), None)


def _without(labels: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in names}
