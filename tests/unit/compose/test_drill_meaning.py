"""A rule of drill time means what it meant, or is left out: counts over a window, differences and clocks."""

import string
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.compose.test_drill_time_properties import without_durations
from tests.unit.compose.test_rules_as_written import drill

WITH_FILES = settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def one(folder: Path, expression: str, *records: dict[str, str]) -> str:
    """Why an alert with this expression is left out; empty: it is not."""
    rules = [{"alert": "Other", "expr": "up == 0"}, {"alert": "A", "expr": expression}, *records]
    manifest = drill(folder, {"a.yml": yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})})
    return next((each.reason for each in manifest.left_out if each.name == "A"), "")


KEEPS = [
    "rate(x[5m]) > 3",
    "increase(x[5m]) > 0",
    "0 < sum(increase(x[5m]))",
    "changes(x[15m]) == 0",
    "increase(bad[5m]) / increase(all[5m]) > 0.05",
    "sum(increase(bad[1h])) > 0.01 * sum(increase(all[1h]))",
    "1 - (sum(increase(bad[1h])) / sum(increase(all[1h]))) < 0.99",
    "histogram_quantile(0.99, sum by (le) (increase(x_bucket[5m]))) > 1",
    "count(increase(x[5m]) > 0) > 2",
    "avg_over_time(up[10m]) < 0.9",
    "max_over_time(rate(x[5m])[1h:5m]) > 3",
    "count_over_time((up == 0)[50m:10m]) > 3",
    "deriv(x[1h]) > 5",
    "absent(up{job='a'})",
    "(increase(x[5m]) > bool 0) == 1",
    "delta(x[1h]) < 0 and x > 5",
    "x > x offset 1h",
    "(x - x offset 1h) == 0",
    "increase(x[5m]) > 0 or rate(y[5m]) > 3",
    "topk(3, rate(x[5m])) > 1",
    "label_replace(rate(x[5m]), 'a', '$1', 'b', '(.*)') > 1",
    "sum(rate(x[5m])) or vector(0) > 0",
]
CHANGES = [
    ("increase(x[5m]) > 3", "counts over a window"),
    ("sum by (a) (increase(x[1h])) >= 1", "counts over a window"),
    ("changes(x[15m]) > 2", "counts over a window"),
    ("delta(x[1h]) < -10", "counts over a window"),
    ("resets(x[1h]) > 5", "counts over a window"),
    ("idelta(x[5m]) > 5", "counts over a window"),
    ("sum_over_time(x[1h]) > 5", "counts over a window"),
    ("count_over_time(x[1h]) < 30", "counts over a window"),
    ("increase(x[5m]) / 300 > 0.1", "counts over a window"),
    ("increase(x[5m]) > y", "counts over a window"),
    ("increase(a[1m]) / increase(b[1h]) > 5", "counts over a window"),
    ("increase(a[1m]) > increase(b[1h])", "by different factors"),
    ("increase(x[5m]) - 3 > 0", "counts over a window"),
    ("(increase(x[5m]) > 0 or rate(y[5m])) > 3", "counts over a window"),
    ("round(increase(x[5m])) > 0", "takes round() of"),
    ("increase(x[5m]) ^ 2 > 0", "takes ^ of"),
    ("x - x offset 1h > 100", "counts over a window"),
    ("x > x offset 1h + 100", "with something added"),
    ("time() - x > 3600", "looks at a clock (time())"),
    ("hour() > 8 and up == 0", "looks at a clock (hour())"),
    ("up == 0 unless on () day_of_week() == 0", "looks at a clock (day_of_week())"),
    ("time() - timestamp(x) > 60", "looks at a clock"),
    ("predict_linear(x[6h], 4 * 3600) < 0", "predict_linear"),
    ("x @ 1609746000 > 5", "fixed moment"),
    ("double_exponential_smoothing(x[1h], 0.5, 0.5) > 5", "sample by sample"),
    ("sum({job='a'}) > 5", "names no metric"),
    ("rate(x[2d]) > 5", "looks back"),
    ("rate(x[300]) > 5", "cannot be scaled"),
    ("ALERTS{alertname='A'} == 1 and on () (vector(time()) > 0)", "looks at a clock"),
]


@pytest.mark.parametrize("expression", KEEPS)
def test_what_keeps_its_meaning_is_taken(tmp_path, expression):
    assert one(tmp_path, expression) == ""


@pytest.mark.parametrize(("expression", "reason"), CHANGES)
def test_what_would_mean_something_else_is_left_out_with_its_reason(tmp_path, expression, reason):
    assert reason in one(tmp_path, expression)


@pytest.mark.parametrize("expression", [expression for expression, _ in CHANGES[:21]])
def test_at_productions_own_pace_nothing_changes(tmp_path, expression):
    rules = [{"alert": "A", "expr": expression}]
    files = {"a.yml": yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})}
    assert drill(tmp_path, files, pace=1).left_out == ()


def test_what_a_recording_rule_counts_is_followed(tmp_path):
    counted = {"record": "job:x:increase5m", "expr": "sum by (job) (increase(x[5m]))"}
    doubled = {"record": "job:x:double", "expr": "2 * job:x:increase5m"}
    aged = {"record": "job:x:age", "expr": "time() - x"}
    assert one(tmp_path, "job:x:double > 0", counted, doubled) == ""
    assert "counts over a window" in one(tmp_path, "job:x:double > 3", counted, doubled)
    assert "counts over a window" in one(tmp_path, '{__name__="job:x:increase5m"} > 3', counted)
    assert one(tmp_path, "job:x:age > 0", aged) == "reads job:x:age, which is left out"
    other = counted | {"expr": "rate(x[5m])"}
    assert "change differently" in one(tmp_path, "job:x:increase5m > 0", counted, other)


def test_who_watches_an_alert_that_is_left_out_is_left_out_too(tmp_path):
    rules = [
        {"alert": "Old", "expr": "time() - x > 60"},
        {"alert": "Many", "expr": "count(ALERTS{alertname='Old'}) > 3"},
        {"alert": "Kept", "expr": "count(ALERTS{alertname='Kept'}) > 3"},
    ]
    manifest = drill(tmp_path, {"a.yml": yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})})
    assert [each.reason for each in manifest.left_out][1:] == ["reads Old, which is left out"]
    assert manifest.alerts.keys() == {"Kept"}


# Values that a parser by types would change, and names that look like something else.
VALUES = st.sampled_from(["yes", "NO", "1.10", "0x1f", "2020-01-01", "1_000", "5m", "1e3", "a: b", "#x", ""])
LABELS = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=4), VALUES, max_size=3)


@st.composite
def rule_files(draw) -> dict[str, Any]:
    expressions = st.sampled_from([*KEEPS, *(expression for expression, _ in CHANGES), "up >", "1"])
    rules = [
        {key: draw(st.sampled_from(["A", "B", "job:x:y"])), "expr": draw(expressions), "labels": draw(LABELS)}
        | draw(st.fixed_dictionaries({}, optional={"for": st.sampled_from(["5m", "1h30m", "0", "soon"])}))
        for key in draw(st.lists(st.sampled_from(["alert", "alert", "record"]), max_size=5))
    ]
    about = draw(st.fixed_dictionaries({}, optional={"labels": LABELS, "interval": st.just("2m")}))
    kept = {"alert": "Kept", "expr": "up == 0", "labels": {}}
    return {"groups": [about | {"name": "g", "rules": [*rules, kept]}]}


class Plain(yaml.SafeDumper):
    """Writes every text without quotes where that can be done, as people do."""


Plain.yaml_implicit_resolvers = {}


def as_written(document: object) -> str:
    return yaml.dump(document, Dumper=Plain, sort_keys=False)


def texts(text: str) -> Any:
    return yaml.load(text, Loader=yaml.BaseLoader)  # every scalar as it stands there


@WITH_FILES
@given(document=rule_files())
def test_nothing_is_refused_and_nothing_but_durations_changes(document):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = drill(folder, {"a.yml": as_written(document)})
        written = (folder / "out" / "rules" / "a.yml").read_text()
    (before,), (after,) = texts(as_written(document))["groups"], texts(written)["groups"]
    left_out = {each.where for each in manifest.left_out}
    wheres = [f"a.yml: g[{n}] {rule.get('alert') or rule['record']}" for n, rule in enumerate(before["rules"])]
    kept = [rule for where, rule in zip(wheres, before["rules"], strict=True) if where not in left_out]
    assert len(kept) + len(left_out) == len(before["rules"])
    assert all(each.reason for each in manifest.left_out)
    for one, other in zip(kept, after["rules"], strict=True):
        shown = [rule | {"annotations": {}, "labels": rule.get("labels") or {}} for rule in (one, other)]
        assert without_durations(shown[0]) == without_durations(shown[1])
    others = [{key: value for key, value in one.items() if key not in ("rules", "interval")} for one in (before, after)]
    assert others[0] == others[1]
