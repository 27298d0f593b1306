"""The ways in which tests break alerting: each changes what it says, nothing else, and is put back."""

from types import SimpleNamespace

import pytest
import yaml

from compose.drill_time import generate
from compose.settings import ROOT
from tests.verifier import alerting as broken
from tests.verifier.alerting import Alerting

ALERT = "ShopInstanceDown"


@pytest.fixture
def alerting(tmp_path):
    drill = tmp_path / "config" / "drill"
    generate(ROOT / "alerts", ROOT / "alerts" / "alertmanager.yml", "http://pager", drill)
    change = Alerting(SimpleNamespace(settings=SimpleNamespace(state=tmp_path)))
    change.reload = lambda: None
    return change


def rules(alerting):
    files = (alerting.stack.settings.state / "config" / "drill" / "rules").glob("*.rules.yml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.mark.parametrize(
    ("mutation", "changed"),
    [
        (broken.removed, None),
        (broken.unreachable, {"expr"}),
        (broken.unrouted, {"labels"}),
        (broken.always, {"expr", "for"}),
        (broken.late(8.0), {"for"}),
    ],
)
def test_each_mutation_changes_its_alert_and_no_other(alerting, mutation, changed):
    before = rules(alerting)
    mutation(alerting, ALERT)
    after = rules(alerting)
    assert {name for name in before if after.get(name) != before[name]} == {ALERT}
    if changed is None:
        assert ALERT not in after
    else:
        keys = before[ALERT].keys() | after[ALERT].keys()
        assert {key for key in keys if before[ALERT].get(key) != after[ALERT].get(key)} == changed
    alerting.restore()
    assert rules(alerting) == before


def test_a_late_alert_waits_for_its_window_on_top(alerting):
    broken.late(8.0)(alerting, ALERT)
    assert rules(alerting)[ALERT]["for"] == "9000ms"


def test_a_surprise_is_one_more_rule(alerting):
    before = rules(alerting)
    broken.surprise(alerting)
    assert rules(alerting).keys() - before.keys() == {broken.SURPRISE}


def test_what_would_change_nothing_is_an_error(alerting):
    with pytest.raises(AssertionError, match="no alert Nobody"):
        broken.removed(alerting, "Nobody")


def test_a_longer_experiment_holds_beyond_every_window():
    experiment = broken.longer(broken.read("kill-alertmanager"))
    assert experiment["fault"]["for"] == "40s"  # its widest window is 24 s, and 16 s for what comes before
    assert experiment["also"][0]["fault"]["for"] == "34.5s"


def test_the_seed_decides_which_alerts():
    assert broken.picked(6) == broken.picked(6) != broken.picked(7)
    assert len({name for name, _ in broken.picked(6)}) == 5
    assert all(name in {one["name"] for one in broken.read(file)["alerts"]} for name, file in broken.picked(6))
