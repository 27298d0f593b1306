"""Breaks the alerting of a running stack, one alert at a time, so that the verdict on it is known beforehand."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from compose.pace.timing import parse
from compose.settings import ROOT

EXPERIMENTS = ROOT / "chaos" / "experiments"
SURPRISE = "OnlyWhileAFaultIsInPlace"
_NOBODY = "nobody"
_BEYOND_WINDOW_SECONDS = 16
"""How much longer than an alert's window a fault is held to see that alert late: for detection and its own `for`."""

Mutation = Callable[["Alerting", str], None]


@dataclass
class Alerting:
    """The drill's rules and routing of a running stack, as rendered; `restore` puts them back."""

    stack: Any
    _originals: dict[Path, str] = field(default_factory=dict)

    @property
    def _drill(self) -> Path:
        return self.stack.settings.state / "config" / "drill"

    def edit_rule(self, alert: str, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change the one rule of this alert; an empty rule is removed. AssertionError when there is none."""
        for file in sorted((self._drill / "rules").glob("*.rules.yml")):
            document = yaml.safe_load(file.read_text())
            for group in document["groups"]:
                for rule in group["rules"]:
                    if rule.get("alert") == alert:
                        edit(rule)
                        group["rules"] = [one for one in group["rules"] if one]
                        self._write(file, document)
                        return
        raise AssertionError(f"the stack has no alert {alert}, so that the mutation would change nothing")

    def add_rule(self, rule: dict[str, Any]) -> None:
        """Add a rule beside the others."""
        file = self._drill / "rules" / "alerting.rules.yml"
        document = yaml.safe_load(file.read_text())
        document["groups"][0]["rules"].append(rule)
        self._write(file, document)

    def edit_routing(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change Alertmanager's configuration."""
        file = self._drill / "alertmanager.yml"
        document = yaml.safe_load(file.read_text())
        edit(document)
        self._write(file, document)

    def reload(self) -> None:
        """Have both servers read their files."""
        for role in ("prometheus", "alertmanager"):
            answer = httpx.post(f"{self.stack.url(role)}/-/reload", timeout=20)
            assert answer.status_code == 200, answer.text

    def restore(self) -> None:
        """Put every file back as it was."""
        for path, text in self._originals.items():
            path.write_text(text)
        if self._originals:
            self.reload()

    def _write(self, file: Path, document: dict[str, Any]) -> None:
        self._originals.setdefault(file, file.read_text())
        file.write_text(yaml.safe_dump(document, sort_keys=False))


def removed(alerting: Alerting, alert: str) -> None:
    """Nobody evaluates it any more."""
    alerting.edit_rule(alert, lambda rule: rule.clear())


def unreachable(alerting: Alerting, alert: str) -> None:
    """Its threshold lies beyond anything that can be measured."""
    alerting.edit_rule(alert, lambda rule: rule.update(expr=f"({rule['expr']}) > 1e12"))


def unrouted(alerting: Alerting, alert: str) -> None:
    """A label of it leads to a receiver that tells nobody."""

    def lead_astray(routing: dict[str, Any]) -> None:
        if all(receiver["name"] != _NOBODY for receiver in routing["receivers"]):
            routing["receivers"].append({"name": _NOBODY})
            routing["route"]["routes"].insert(0, {"matchers": [f'severity="{_NOBODY}"'], "receiver": _NOBODY})

    alerting.edit_rule(alert, lambda rule: rule["labels"].update(severity=_NOBODY))
    alerting.edit_routing(lead_astray)


def always(alerting: Alerting, alert: str) -> None:
    """It fires whatever happens."""

    def fire(rule: dict[str, Any]) -> None:
        rule["expr"] = "vector(1)"
        rule.pop("for", None)

    alerting.edit_rule(alert, fire)


def late(window_seconds: float) -> Mutation:
    """It waits for longer than its window, and for less than a fault that `longer` has stretched."""

    def wait(alerting: Alerting, alert: str) -> None:
        def hold(rule: dict[str, Any]) -> None:
            milliseconds = round((_seconds(rule.get("for", "0s")) + window_seconds) * 1000)
            rule["for"] = f"{milliseconds}ms"

        alerting.edit_rule(alert, hold)

    return wait


def one_unreachable(alerting: Alerting, alert: str, job: str) -> None:
    """Its rule never sees one of the jobs."""
    alerting.edit_rule(alert, lambda rule: rule.update(expr=f"({rule['expr']}) unless on (job) {_only(job)}"))


def one_unrouted(alerting: Alerting, alert: str, job: str) -> None:
    """What it says of one of the jobs leads to a receiver that tells nobody."""

    def lead_astray(routing: dict[str, Any]) -> None:
        routing["receivers"].append({"name": _NOBODY})
        matchers = [f'alertname="{alert}"', f'job="{job}"']
        routing["route"]["routes"].insert(0, {"matchers": matchers, "receiver": _NOBODY})

    alerting.edit_routing(lead_astray)


def one_late(window_seconds: float) -> Callable[[Alerting, str, str], None]:
    """Of one of the jobs it is told by a rule of the same name, after its window."""

    def wait(alerting: Alerting, alert: str, job: str) -> None:
        slow: dict[str, Any] = {}

        def split(rule: dict[str, Any]) -> None:
            milliseconds = round((_seconds(rule.get("for", "0s")) + window_seconds) * 1000)
            slow.update(rule)
            slow.update({"expr": f"({rule['expr']}) and on (job) {_only(job)}", "for": f"{milliseconds}ms"})
            rule["expr"] = f"({rule['expr']}) unless on (job) {_only(job)}"

        alerting.edit_rule(alert, split)
        alerting.add_rule(slow)

    return wait


def one_more(alerting: Alerting, alert: str, job: str) -> None:
    """It fires for a job as well that nobody broke, while a fault is in place."""
    theirs = f'label_replace(sum(chaos_faults_active) > 0, "job", "{job}", "", "")'
    alerting.edit_rule(alert, lambda rule: rule.update(expr=f"({rule['expr']}) or {theirs}"))


def _only(job: str) -> str:
    return f'label_replace(vector(1), "job", "{job}", "", "")'


def surprise(alerting: Alerting) -> None:
    """Somebody adds a rule that is true only while a fault is in place."""
    labels = {"severity": "warning", "component": "chaos"}
    alerting.add_rule({"alert": SURPRISE, "expr": "chaos_faults_active > 0", "labels": labels})


def longer(experiment: dict[str, Any]) -> dict[str, Any]:
    """The experiment with its faults held until beyond every window of its alerts, so that `late` is not missed."""
    windows = [_seconds(alert["fires_within"]) for alert in experiment["alerts"]]
    more = max(windows) + _BEYOND_WINDOW_SECONDS - _seconds(experiment["fault"]["for"])

    def stretch(fault: dict[str, Any]) -> dict[str, Any]:
        return fault | {"for": f"{_seconds(fault['for']) + more:g}s"}

    also = [staged | {"fault": stretch(staged["fault"])} for staged in experiment.get("also", [])]
    return experiment | {"fault": stretch(experiment["fault"])} | ({"also": also} if also else {})


def read(experiment_id: str) -> dict[str, Any]:
    """A shipped experiment, as written."""
    experiment: dict[str, Any] = yaml.safe_load((EXPERIMENTS / f"{experiment_id}.yaml").read_text())
    return experiment


def window(experiment: dict[str, Any], alert: str) -> float:
    """Within how many seconds this alert has to be delivered."""
    return next(_seconds(one["fires_within"]) for one in experiment["alerts"] if one["name"] == alert)


def picked(seed: int, count: int = 5) -> list[tuple[str, str]]:
    """So many of the alerts that experiments list, at random, each with the experiment that is over soonest."""
    claims: dict[str, list[tuple[float, str]]] = {}
    for file in EXPERIMENTS.glob("*.yaml"):
        experiment = read(file.stem)
        for alert in experiment.get("alerts") or []:
            claims.setdefault(alert["name"], []).append((_seconds(experiment["fault"]["for"]), file.stem))
    names = random.Random(seed).sample(sorted(claims), min(count, len(claims)))
    return [(name, min(claims[name])[1]) for name in names]


def _seconds(text: str) -> float:
    # Prometheus's durations: those of experiments are among them, but for fractions.
    return parse(text, "a test").total_seconds()
