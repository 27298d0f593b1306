"""Inhibition leaves a page out, has no ring, and compares only labels that both sides have.

What inhibits what is shown by a running Alertmanager: tests/component/test_alertmanager.py.
"""

import re
from datetime import timedelta

import pytest
import yaml

from compose.drill_time import DRILL
from compose.pace.receivers import Pager
from compose.pace.routing import scale_routing
from compose.pace.timing import Durations
from tests.alert_routes import ALL, SILENCING, Route

_NAME = re.compile(r'alertname(?:=|=~)"([^"]+)"')


@pytest.fixture(scope="module")
def routing(alerts) -> dict:
    return yaml.safe_load((alerts / "alertmanager.yml").read_text())


@pytest.fixture(scope="module")
def severity(rule_files) -> dict[str, str]:
    rules = [rule for document in rule_files.values() for group in document["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule["labels"]["severity"] for rule in rules if "alert" in rule}


def named(matchers: list[str]) -> list[Route]:
    """The rows whose alert these matchers name; every rule has to name some."""
    (pattern,) = [found[1] for each in matchers if (found := _NAME.fullmatch(each))]
    return [route for route in ALL.values() if re.fullmatch(pattern, route.alert)]


def test_only_a_page_silences_others(severity):
    for key in SILENCING:
        alert = ALL[key].alert
        assert severity.get(alert, "critical") == "critical", f"{alert} is no page and would leave none"


def test_no_ring_so_that_a_page_is_always_left():
    def above(key: str, below: tuple[str, ...]) -> None:
        assert key not in below, f"a ring: {' < '.join([*below, key])}"
        for source in ALL[key].silenced_by:
            above(source, (*below, key))

    for key in ALL:
        above(key, ())


def test_every_silenced_by_is_a_row():
    assert set(SILENCING) <= ALL.keys()


def test_rules_name_alerts_that_exist_or_are_in_the_table(routing):
    for rule in routing["inhibit_rules"]:
        assert named(rule["source_matchers"]), rule
        assert named(rule["target_matchers"]), rule


def test_labels_compared_are_there_on_both_sides(routing):
    for rule in routing["inhibit_rules"]:
        for route in named(rule["source_matchers"]) + named(rule["target_matchers"]):
            missing = set(rule.get("equal", [])) - route.labels.keys()
            assert not missing, f"{route.key} has no {missing}: a missing label equals any other that is missing"


def test_labels_of_the_table_are_those_the_alert_fires_with(rule_files, test_files):
    for route in ALL.values():
        fired = [
            expected["exp_labels"].keys()
            for document in test_files.values()
            for test in document["tests"]
            for check in test.get("alert_rule_test", [])
            if check["alertname"] == route.alert
            for expected in check["exp_alerts"]
        ]
        assert all(route.labels.keys() <= labels for labels in fired), f"{route.key} fires without its labels: {fired}"


def test_a_drill_inhibits_as_production_does(routing):
    drill = scale_routing(routing, Pager("http://127.0.0.1:9"), Durations(DRILL), "alertmanager.yml").document
    assert drill["inhibit_rules"] == routing["inhibit_rules"]


# Told after the outage, and rightly: the budget it has spent is gone, which is the slow pair's message.
OUTLASTS = {"ShopErrorBudgetBurnSlow", "ShopLatencyBudgetBurnSlow"}


def test_an_outage_is_held_until_what_follows_from_it_has_left_its_windows(drill):
    known = drill[1].alerts
    pairs = [
        (source, route.alert)
        for route in ALL.values()
        for source in {ALL[key].alert for key in route.silenced_by}
        if route.alert in known.keys() - OUTLASTS and source in known
    ]
    assert pairs
    for source, target in pairs:
        lasts = min(known[target].ranges_production, default=timedelta(0)) + known[target].keep_firing_for_production
        held = known[source].keep_firing_for_production
        assert held >= lasts, f"{source}: keep_firing_for must be {lasts}, or {target} is told after it"
