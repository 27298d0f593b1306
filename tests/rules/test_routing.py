"""Each alert reaches the receiver it is meant for, in production and in a drill."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from chaos.spec import routing
from tests.alert_routes import ROUTES, TOLD_ELSEWHERE
from tests.unit.chaos.spec.test_routing import TREE


@pytest.fixture(params=["production", "drill"])
def alertmanager_file(request, alerts, drill) -> Path:
    return (alerts if request.param == "production" else drill[0]) / "alertmanager.yml"


def test_file_is_valid(alertmanager_file, run_tool):
    assert "SUCCESS" in run_tool("amtool", "check-config", alertmanager_file)


def test_every_alert_has_its_row_in_the_table(rule_files):
    for area, document in rule_files.items():
        alerts = {rule["alert"] for group in document["groups"] for rule in group["rules"] if "alert" in rule}
        assert {route.alert for route in ROUTES[area]} == alerts, f"{area}: tests/alert_routes.py has other alerts"


def test_every_alert_reaches_its_receiver(alertmanager_file, drill, test_files, run_tool):
    def is_told(fired: dict) -> None:
        run_tool(
            "amtool", "config", "routes", "test", "--config.file", alertmanager_file,
            "--verify.receivers", TOLD_ELSEWHERE.get(fired["alertname"], "pager"),
            *(f"{name}={value}" for name, value in fired.items()),
        )  # fmt: skip

    fired = [{"alertname": alert} | labels for alert in drill[1].alerts for labels in fired_labels(alert, test_files)]
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        list(side_by_side.map(is_told, fired))


def fired_labels(alert: str, test_files: dict) -> list[dict]:
    """The label sets this alert fires with in its promtool cases."""
    cases = [
        case
        for document in test_files.values()
        for test in document["tests"]
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == alert
    ]
    labels = [expected["exp_labels"] for case in cases for expected in case["exp_alerts"]]
    assert labels, f"{alert} never fires in a promtool case"
    return labels


def test_manifest_names_the_receiver_amtool_finds(drill):
    found = {alert: [route.receiver for route in timing.routes] for alert, timing in drill[1].alerts.items()}
    assert found == {alert: [TOLD_ELSEWHERE.get(alert, "pager")] for alert in drill[1].alerts}


@pytest.mark.parametrize(("alert", "receiver"), TOLD_ELSEWHERE.items())
def test_an_alert_about_the_way_to_the_pager_does_not_take_it(alert, receiver, alertmanager_file, run_tool):
    # By name alone, so that it holds before the rule is written.
    run_tool(
        "amtool", "config", "routes", "test", "--config.file", alertmanager_file,
        "--verify.receivers", receiver, f"alertname={alert}", "severity=critical", "component=telemetry",
    )  # fmt: skip


def test_pages_and_warnings_wait_and_repeat_differently(drill):
    def route(alert: str):
        (taken,) = drill[1].alerts[alert].routes
        return taken

    page, warning = route("HAProxyBackendDown"), route("HAProxyServerDown")
    # What inhibits a warning must be out before the warning is.
    assert page.group_wait_production < warning.group_wait_production
    assert page.group_wait_drill < warning.group_wait_drill
    assert page.repeat_interval_production < warning.repeat_interval_production


def test_every_drill_receiver_posts_to_the_given_pager(drill, alerts):
    folder, _ = drill
    names = [receiver["name"] for receiver in yaml.safe_load((alerts / "alertmanager.yml").read_text())["receivers"]]
    urls = json.loads((folder / "manifest.json").read_text())["receivers"]
    assert urls == {name: f"http://127.0.0.1:9/receivers/{name}" for name in names}
    # Not one production address is left anywhere in the file.
    assert "example.com" not in (folder / "alertmanager.yml").read_text()


@pytest.mark.parametrize("tree", ["ours", TREE], ids=["the project's", "one with every kind of node"])
def test_the_judge_routes_as_alertmanager_does(tree, alerts, tmp_path, run_tool):
    file = alerts / "alertmanager.yml" if tree == "ours" else tmp_path / "alertmanager.yml"
    if tree != "ours":
        names = ("root", "deadman", "db", "db-page", "db-mail", "web")
        file.write_text(f"{tree}\nreceivers: [{', '.join(f'{{ name: {name} }}' for name in names)}]\n")
    ours = routing.read(file.read_text())
    labels = [
        {"alertname": name, "severity": severity, **({"team": team} if team else {})}
        for name in ("Watchdog", "AlertDeliveryFailing", "ShopInstanceDown")
        for severity in ("critical", "warning", "info")
        for team in ("", "db", "web", "shop")
    ]

    def amtool(one: dict) -> list[str]:
        told = run_tool(
            "amtool",
            "config",
            "routes",
            "test",
            "--config.file",
            file,
            *(f"{name}={value}" for name, value in one.items()),
        )
        # What it warns of in its environment comes beside the answer.
        (answer,) = [line for line in told.splitlines() if not line.startswith("Warning: ")]
        return answer.split(",")

    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        for one, said in zip(labels, side_by_side.map(amtool, labels), strict=True):
            rest = {name: value for name, value in one.items() if name != "alertname"}
            assert ours.receivers(one["alertname"], rest) == list(dict.fromkeys(said)), one
