"""Receivers as people have them, in drill time: what a real Alertmanager sends is what the pager reads.

With the installed release and the one of the official images: the older knows nothing of Microsoft Teams.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from chaos.observe.alertmanager import Alertmanager
from compose.drill_time import generate
from compose.pace.receivers import Pager
from compose.pace.timing import ALERTMANAGER_FLAGS
from compose.settings import ROOT
from tests.ports import free_port
from tests.rules.conftest import programs_of, releases
from tests.waiting import until

ONCALL, TEAM = "mon/team a/on call", "team#ops"
LABELS = {"alertname": "AppDown", "instance": "app-2", "severity": "critical"}
# Addresses at which nobody answers: whatever reached one would be missed at the pager.
FILE = f"""
global:
  slack_api_url: http://127.0.0.1:1/slack
  smtp_smarthost: 127.0.0.1:1
  smtp_from: alerts@example.com
  smtp_auth_username: alerts
  smtp_auth_password: secret
  http_config: {{proxy_url: "http://127.0.0.1:1"}}
route:
  receiver: {TEAM}
  group_by: [alertname]
  group_wait: 15s
  group_interval: 1m
  routes:
    - matchers: ['severity="critical"', 'instance=~"app\\\\-\\\\d"']
      receiver: {ONCALL}
templates: [templates/*.tmpl]
receivers:
  - name: {ONCALL}
    pagerduty_configs:
      - {{routing_key: abc, severity: '{{{{ .CommonLabels.severity }}}}', description: '{{{{ template "ours" . }}}}'}}
    opsgenie_configs: [{{api_key: abc, message: '{{{{ .GroupLabels.alertname }}}}', priority: P1}}]
    slack_configs: [{{channel: "#alerts"}}, {{channel: "#others", send_resolved: true}}]
    telegram_configs: [{{bot_token: abc, chat_id: 7, parse_mode: ""}}]
    discord_configs: [{{webhook_url: "http://127.0.0.1:1/discord"}}]
    email_configs: [{{to: "boss@example.com, other@example.com", send_resolved: true}}]
    victorops_configs: [{{api_key: abc, routing_key: r}}]
    webhook_configs: [{{url: "http://127.0.0.1:1/", http_config: {{proxy_url: "http://127.0.0.1:1"}}}}]
  - name: {TEAM}
    pagerduty_configs: [{{routing_key: abc, severity: page}}]
"""
TEAMS = """
    msteams_configs: [{webhook_url: "http://127.0.0.1:1/"}]
    msteamsv2_configs: [{webhook_url: "http://127.0.0.1:1/"}]
"""
KINDS = {
    "pagerduty": 2, "opsgenie": 2, "slack": 3, "telegram": 2, "discord": 2, "email": 2, "webhook": 4,
}  # fmt: skip
"""How many of each come of an alert that fires and is resolved: one Slack channel is not told that it is over."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A pager and an Alertmanager whose file is drill time's."""

    alertmanager: str
    pager: str
    teams: bool

    def fire(self, resolved: bool = False, **labels: str) -> None:
        now = datetime.now(UTC)
        ends = now if resolved else now + timedelta(minutes=10)
        alert = {
            "labels": LABELS | labels,
            "annotations": {"summary": "one of two is down"},
            "startsAt": (now - timedelta(seconds=1)).isoformat(),
            "endsAt": ends.isoformat(),
        }
        httpx.post(f"{self.alertmanager}/api/v2/alerts", json=[alert], timeout=10).raise_for_status()

    def deliveries(self, receiver: str) -> list[dict]:
        told = httpx.get(f"{self.pager}/deliveries", timeout=10).json()["deliveries"]
        return [one for one in told if one["receiver"] == receiver]

    def messages(self, receiver: str) -> dict[str, list[dict]]:
        found: dict[str, list[dict]] = {}
        for one in self.deliveries(receiver):
            found.setdefault(one["kind"], []).append(one)
        return found


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def started(command: list[str | Path], log: Path, **environment: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment or None, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module", params=releases())
def stack(request, tmp_path_factory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.param)
    alertmanager = programs_of(request.param)["alertmanager"]
    teams = request.param == "built"
    port, mail, own = free_port(), free_port(), free_port()
    pager = f"http://127.0.0.1:{port}"
    production(folder, teams)
    manifest = generate(folder / "rules.yml", folder / "am.yml", Pager(pager, f"127.0.0.1:{mail}"), folder / "out")
    assert manifest.messages[ONCALL][:1] == ("pagerduty",)
    environment = {
        "PAGER_INSTANCE": "pager", "PAGER_JOURNAL": str(folder / "deliveries.ndjson"), "PAGER_RECEIVERS": "*",
        "PAGER_MAIL": f"127.0.0.1:{mail}", "PAGER_METRICS_HOST": "127.0.0.1",
        "PAGER_METRICS_PORTS": str(free_port()), "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    gunicorn = [
        sys.executable, "-m", "gunicorn", "--config", "python:services.kit.lifecycle.gunicorn_conf",
        "--worker-class", "asgi", "--workers", "1", "--bind", f"127.0.0.1:{port}", "--no-control-socket",
        "services.pager.main:create_app()",
    ]  # fmt: skip
    served = [
        alertmanager, f"--config.file={folder / 'out' / 'alertmanager.yml'}", f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}", *ALERTMANAGER_FLAGS,
    ]  # fmt: skip
    with started(gunicorn, folder / "pager.log", **environment), started(served, folder / "alertmanager.log"):
        until(lambda: answers(f"{pager}/deliveries") and answers(f"http://127.0.0.1:{own}/-/ready"), 30)
        yield Stack(f"http://127.0.0.1:{own}", pager, teams)


def production(folder: Path, teams: bool) -> None:
    (folder / "rules.yml").write_text("groups: [{name: g, rules: [{alert: AppDown, expr: up == 0}]}]")
    (folder / "templates").mkdir()
    (folder / "templates" / "ours.tmpl").write_text('{{ define "ours" }}ours: {{ .GroupLabels.alertname }}{{ end }}')
    text = FILE.replace(f"  - name: {TEAM}\n", f"{TEAMS.strip(chr(10))}\n  - name: {TEAM}\n") if teams else FILE
    (folder / "am.yml").write_text(text)


@pytest.fixture(scope="module")
def told(stack) -> dict[str, list[dict]]:
    """What came of one alert that fired and was resolved, by kind; by none, of the webhook that says who."""
    wanted = {"": 2} | KINDS | ({"msteams": 2, "msteamsv2": 2} if stack.teams else {})
    stack.fire()
    until(lambda: stack.messages(ONCALL).keys() >= wanted.keys(), 30)
    stack.fire(resolved=True)
    until(lambda: {kind: len(many) for kind, many in stack.messages(ONCALL).items()} == wanted, 30)
    return stack.messages(ONCALL)


def test_the_webhook_beside_says_which_instances(told):
    firing, resolved = told[""]
    assert (firing["status"], resolved["status"]) == ("firing", "resolved")
    assert [alert["labels"] for alert in firing["alerts"]] == [LABELS]


def test_every_way_tells_that_it_fires_and_that_it_is_over(told):
    for kind, many in told.items():
        assert all(one["accepted"] for one in many), (kind, many)
        statuses = [one["status"] for one in many]
        assert statuses.count("firing") == (len(many) + 1) // 2, (kind, statuses)
        assert statuses.count("resolved") == len(many) // 2, (kind, statuses)


def test_what_people_read_is_what_their_templates_make(told):
    first = {kind: many[0]["message"] for kind, many in told.items() if kind}
    assert first["pagerduty"]["title"] == "ours: AppDown"
    assert (first["pagerduty"]["severity"], first["opsgenie"]["severity"]) == ("critical", "P1")
    for kind in first.keys() - {"pagerduty", "opsgenie", "webhook"}:
        assert "AppDown" in first[kind]["title"] + first[kind]["text"], kind
    assert "one of two is down" in first["email"]["text"]


def test_pagerduty_and_opsgenie_open_and_close_under_the_groups_key(told):
    group = hashlib.sha256(told[""][0]["groupKey"].encode()).hexdigest()
    keys = {one["message"]["key"] for kind in ("pagerduty", "opsgenie") for one in told[kind]}
    assert keys == {group}


def test_alertmanagers_own_counters_are_read(stack, told):
    alertmanager = Alertmanager(stack.alertmanager)
    seen = alertmanager.counted(1.0)
    alertmanager.close()
    assert seen.error is None
    counted = {one.kind: one for one in seen.counted}
    assert counted.keys() >= told.keys() - {"", "webhook"}
    assert (counted["email"].sent, counted["email"].failed) == (2, 0)
    # The one that is not told of resolutions is counted for them all the same.
    assert (counted["slack"].sent, counted["slack"].failed) in ((3, 0), (4, 0))


def test_what_the_service_would_not_take_is_refused_and_kept(stack):
    stack.fire(severity="warning")
    refused = until(lambda: stack.messages(TEAM).get("pagerduty"), 30)[0]
    assert (refused["accepted"], refused["message"]) == (False, None)
    assert "payload.severity 'page' is none of" in refused["reason"]
    assert until(lambda: stack.messages(TEAM).get(""))[0]["accepted"], "the webhook beside it is told all the same"


def test_the_copy_is_one_that_alertmanager_takes_and_has_no_address_of_productions(stack, told, tmp_path):
    production(tmp_path, stack.teams)
    generate(tmp_path / "rules.yml", tmp_path / "am.yml", Pager(stack.pager, "127.0.0.1:25"), tmp_path)
    text = (tmp_path / "alertmanager.yml").read_text()
    assert "127.0.0.1:1/" not in text
    assert "127.0.0.1:1\n" not in text
    assert "secret" not in text
    assert [one["name"] for one in yaml.safe_load(text)["receivers"]] == [ONCALL, TEAM]
