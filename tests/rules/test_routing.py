"""Each alert reaches the receiver it is meant for, in production and in a drill."""

import json
from pathlib import Path

import pytest
import yaml

RECEIVER = {
    "HAProxyServerDown": "pager",
    "ShopErrorBudgetBurnFast": "pager",
    "ShopInstanceDown": "pager",
    "Watchdog": "deadman",
}


@pytest.fixture(params=["production", "drill"])
def alertmanager_file(request, alerts, drill) -> Path:
    return (alerts if request.param == "production" else drill[0]) / "alertmanager.yml"


def test_file_is_valid(alertmanager_file, run_tool):
    assert "SUCCESS" in run_tool("amtool", "check-config", alertmanager_file)


def test_every_alert_has_an_intended_receiver(drill):
    assert drill[1].alerts.keys() == RECEIVER.keys()


@pytest.mark.parametrize("alert", sorted(RECEIVER))
def test_alert_reaches_its_receiver(alert, alertmanager_file, test_files, run_tool):
    for labels in fired_labels(alert, test_files):
        pairs = [f"{name}={value}" for name, value in ({"alertname": alert} | labels).items()]
        run_tool(
            "amtool", "config", "routes", "test", "--config.file", alertmanager_file,
            "--verify.receivers", RECEIVER[alert], *pairs,
        )  # fmt: skip


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


@pytest.mark.parametrize("alert", sorted(RECEIVER))
def test_manifest_names_the_receiver_amtool_finds(alert, drill):
    assert [route.receiver for route in drill[1].alerts[alert].routes] == [RECEIVER[alert]]


def test_every_drill_receiver_posts_to_the_given_pager(drill, alerts):
    folder, _ = drill
    names = [receiver["name"] for receiver in yaml.safe_load((alerts / "alertmanager.yml").read_text())["receivers"]]
    urls = json.loads((folder / "manifest.json").read_text())["receivers"]
    assert urls == {name: f"http://127.0.0.1:9/receivers/{name}" for name in names}
    # Not one production address is left anywhere in the file.
    assert "example.com" not in (folder / "alertmanager.yml").read_text()
