"""Prometheus as a witness: which rules it runs, which alerts are pending or firing, what its store says."""

import math
import time
from datetime import datetime
from typing import Any

import httpx
import yaml
from promql_parser import parse_duration

from chaos.errors import NoSuchApi, SignalUnavailable
from chaos.facts.alerts import ActiveAlert, AlertHistory, AlertsSent, PrometheusSeen, RuleSeen, SelectorSeen
from chaos.facts.clocks import ClockSeen
from chaos.facts.metrics import QueryHistory
from chaos.observe import clocks
from chaos.reach.http import TIMEOUT_SECONDS, JsonApi, understood
from chaos.spec.door import Address

_HEALTHY = "ok"
_RECORDS = "recording"
_STANDING_SECONDS = 1.0
_STANDING_INTERVALS = 3
_HOUR = 3_600
_SERIES_NAMED = 3
_USUAL_INTERVAL = 60.0
"""Prometheus's own between two evaluations, where nothing is said."""
_MOST_STEPS = 600
"""So fine the history of a selector is asked for at most."""


class Prometheus:
    """One Prometheus, or replicas of it. Times are seconds since the run's start, which was at Unix time `wall`."""

    def __init__(
        self,
        address: Address,
        wall: float = 0.0,
        transport: httpx.BaseTransport | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._api = JsonApi("Prometheus", address, transport, timeout)
        self._ours = wall
        self._wall = wall
        """What its clock showed when the run began."""

    def compare_clock(self, now: clocks.Now) -> ClockSeen:
        """How far its clock is ahead of ours, `wall` at the run's start; from then on all times are told in ours."""
        seen = clocks.compare("Prometheus", self._ours, now, self._time_there)
        if self._wall == self._ours and clocks.differ(seen):
            self._wall = self._ours + seen.ahead_seconds
        return seen

    def _time_there(self) -> float:
        with understood("Prometheus"):
            return float(self._api.get("/api/v1/query", query="time()")["data"]["result"][1])

    @property
    def zero(self) -> float:
        """What its clock showed when the run began, in Unix time."""
        return self._wall

    def look(self, at: float) -> PrometheusSeen:
        """Its alerts now. Never raises: that it did not answer is a fact too."""
        asked = time.monotonic()
        try:
            with understood("Prometheus"):
                return self._look(at, self._rules(alerts=True), time.monotonic() - asked)
        except SignalUnavailable as error:
            return PrometheusSeen(at, str(error))

    def _look(self, at: float, rules: list[tuple[dict[str, Any], dict[str, Any]]], took: float) -> PrometheusSeen:
        # What takes the place of Prometheus leaves out what is empty.
        alerts = [self._active(rule["name"], alert) for _, rule in rules for alert in rule.get("alerts") or []]
        # Of two rules with one name both have to be well.
        unwell = {rule["name"] for _, rule in rules if rule["health"] != _HEALTHY}
        oldest = self._wall + at - _STANDING_SECONDS
        standing = {
            rule["name"]
            for group, rule in rules
            if _evaluated_before(rule, oldest - _STANDING_INTERVALS * _interval(group))
        }
        well = sorted({rule["name"] for _, rule in rules} - unwell)
        return PrometheusSeen(at, None, alerts, well, sorted(standing), took)

    def rules_loaded(self) -> list[RuleSeen]:
        """Every rule that it runs. Raises SignalUnavailable."""
        return [rule for rule, _ in self.rules_and_health()]

    def rules_and_health(self) -> list[tuple[RuleSeen, str]]:
        """Every rule that it runs, and why it is not evaluated, empty where it is. Raises SignalUnavailable."""
        with understood("Prometheus"):
            return [(_rule(group, rule), _unevaluated(rule)) for group, rule in self._rules()]

    def alerts_sent(self) -> AlertsSent:
        """What it makes of an alert's labels before it sends it. Never raises: that it did not tell is a fact too."""
        try:
            with understood("Prometheus"):
                config = yaml.safe_load(self._api.get("/api/v1/status/config")["data"]["yaml"]) or {}
                external = (config.get("global") or {}).get("external_labels") or {}
                alerting = config.get("alerting") or {}
                relabel = list(alerting.get("alert_relabel_configs") or [])
                # Each set of Alertmanagers may have its own after these; of several nobody knows which one we ask.
                if len(several := alerting.get("alertmanagers") or []) == 1:
                    relabel += several[0].get("alert_relabel_configs") or []
                written = {str(name): str(value) for name, value in external.items()}
                return AlertsSent(0.0, written, [dict(one) for one in relabel])
        except (SignalUnavailable, yaml.YAMLError) as error:
            return AlertsSent(0.0, error=str(error))

    def selector_history(self, selector: str, end: float) -> SelectorSeen:
        """When this selector had series, up to a moment of the run. Never raises: that nothing was told is a fact."""
        step = max(1.0, round(end / _MOST_STEPS))
        present: dict[str, list[tuple[float, float]]] = {}
        try:
            with understood("Prometheus"):
                query = f"count by (instance) ({selector})"
                for series in self._range(query, self._wall, self._wall + end, step):
                    times = [float(time) - self._wall for time, _ in series["values"]]
                    present[series["metric"].get("instance", "")] = _stretches(times, step)
        except SignalUnavailable as error:
            return SelectorSeen(end, selector, {}, str(error))
        return SelectorSeen(end, selector, present)

    def scrape_intervals(self) -> dict[str, float]:
        """How far apart each job's scrapes are, in seconds, the longest where its targets differ.

        Raises SignalUnavailable.
        """
        found: dict[str, float] = {}
        with understood("Prometheus"):
            for one in self._targets() or []:
                every = parse_duration(one["scrapeInterval"]).total_seconds()
                job = str(one["labels"]["job"])
                found[job] = max(every, found.get(job, 0.0))
        return found

    def unscraped_since(self, moment: float) -> list[str]:
        """The targets that were not scraped since this Unix time; none where it does not scrape, but reads what others
        have scraped. Raises SignalUnavailable.

        One that has just started scrapes nothing for five seconds, and says so of every target.
        """
        with understood("Prometheus"):
            if (targets := self._targets()) is None:
                return []
            missing = [str(one["labels"]["instance"]) for one in targets if _unix(one["lastScrape"]) < moment]
            return sorted(missing) if targets else ["any target"]

    def unevaluated_since(self, moment: float) -> list[str]:
        """The alerting rules that were not evaluated since this Unix time. Raises SignalUnavailable."""
        with understood("Prometheus"):
            rules = self._rules(alerts=True)
            missing = [str(rule["name"]) for _, rule in rules if _evaluated_before(rule, moment)]
            return sorted(missing) if rules else ["any rule"]

    def alert_histories(self, end: float) -> list[AlertHistory]:
        """Every `ALERTS` series that has samples of the run, as stored up to `end`. Raises SignalUnavailable."""
        with understood("Prometheus"):
            return self._alert_histories(end)

    def _alert_histories(self, end: float) -> list[AlertHistory]:
        found: dict[str, tuple[dict[str, str], set[float]]] = {}
        # An hour at a time: an answer is to come in time, whatever fired for how long.
        for at in [*range(_HOUR, math.ceil(end), _HOUR), end]:
            for series in self._query(f"ALERTS[{_span(min(at, _HOUR))}]", at):
                _, samples = found.setdefault(str(sorted(series["metric"].items())), (series["metric"], set()))
                samples.update(float(time) - self._wall for time, _ in series["values"] if float(time) >= self._wall)
        # The range asked for is up to a second longer than the run.
        return [
            AlertHistory(
                end,
                metric["alertname"],
                _without(metric, "__name__", "alertname", "alertstate"),
                metric["alertstate"],
                sorted(samples),
            )
            for metric, samples in found.values()
            if samples
        ]

    def query_history(self, query: str, start: float, end: float, step_seconds: float) -> QueryHistory:
        """The query's answer at every step between two moments of the run. Raises SignalUnavailable.

        A step with no answer, or with more than one series, has None.
        """
        first = int(start / step_seconds)
        with understood("Prometheus"):
            series = self._range(query, self._wall + first * step_seconds, self._wall + end, step_seconds)
            told = series[0]["values"] if len(series) == 1 else []
            values = {round((float(time) - self._wall) / step_seconds): float(value) for time, value in told}
        steps = range(first, int(end / step_seconds) + 1)
        samples = [(index * step_seconds, values.get(index)) for index in steps]
        if len(series) < 2:
            return QueryHistory(end, query, samples)
        return QueryHistory(end, query, samples, None, [_named(one) for one in series[:_SERIES_NAMED]], len(series))

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _range(self, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        asked = self._api.get("/api/v1/query_range", query=query, start=start, end=end, step=step)
        result: list[dict[str, Any]] = asked["data"]["result"]
        return result

    def _query(self, query: str, at: float) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self._api.get("/api/v1/query", query=query, time=self._wall + at)["data"][
            "result"
        ]
        return result

    def _targets(self) -> list[dict[str, Any]] | None:
        """What it scrapes; None where it has no such API: Thanos, Mimir and vmalert read what others have scraped."""
        try:
            found: list[dict[str, Any]] = self._api.get("/api/v1/targets", state="active")["data"]["activeTargets"]
        except NoSuchApi:
            return None
        return found

    def _rules(self, *, alerts: bool = False) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each rule, behind its group; `alerts`: not those that record, which some give whatever is asked for."""
        asked = {"type": "alert"} if alerts else {}
        groups = self._api.get("/api/v1/rules", **asked)["data"]["groups"]
        found = [(group, rule) for group in groups for rule in group.get("rules") or []]
        return [(group, rule) for group, rule in found if not (alerts and rule.get("type") == _RECORDS)]

    def _active(self, name: str, alert: dict[str, Any]) -> ActiveAlert:
        since = _unix(alert["activeAt"]) - self._wall
        return ActiveAlert(name, _without(alert["labels"], "alertname"), alert["state"], since)


def _evaluated_before(rule: dict[str, Any], moment: float) -> bool:
    """Whether its last evaluation was before this Unix time; who does not say may have stopped, and counts as that."""
    told = rule.get("lastEvaluation")
    return told is None or _unix(told) < moment


def _rule(group: dict[str, Any], rule: dict[str, Any]) -> RuleSeen:
    return RuleSeen(
        0.0,
        group["name"],
        rule["name"],
        rule["type"] == _RECORDS,
        rule["query"],
        float(rule.get("duration") or 0.0),
        float(rule.get("keepFiringFor") or 0.0),
        rule.get("labels") or {},
        rule.get("annotations") or {},
        _interval(group),
    )


def _unevaluated(rule: dict[str, Any]) -> str:
    health = rule.get("health", "its health is not told")
    return "" if health == _HEALTHY else f"{health}: {rule.get('lastError') or 'not evaluated yet'}"


def _named(series: dict[str, Any]) -> str:
    labels = dict(series.get("metric") or {})
    name = labels.pop("__name__", "")
    return f"{name}{{{', '.join(f'{label}={value}' for label, value in sorted(labels.items()))}}}"


def _interval(group: dict[str, Any]) -> float:
    return float(group.get("interval") or _USUAL_INTERVAL)


def _unix(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _span(end: float) -> str:
    return f"{max(1, int(end) + 1)}s"


def _stretches(times: list[float], step: float) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for at in times:
        if found and at - found[-1][1] < 1.5 * step:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


def _without(labels: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in names}
