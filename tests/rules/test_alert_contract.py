"""Alert, runbook and promtool cases belong together, and no promtool case can pass by naming what does not exist."""

import re

import pytest
from promql_parser import Matcher, MatchOp, VectorSelector, walk

from compose.drill_promql import metrics, read
from compose.timing import parse

HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Reproduce"]
ALWAYS_FIRING = {"Watchdog": "fires by design, so it has no silent case and does not resolve"}


@pytest.fixture(scope="session")
def rules(rule_files) -> list[dict]:
    return [rule for document in rule_files.values() for group in document["groups"] for rule in group["rules"]]


@pytest.fixture(scope="session")
def alert_rules(rules) -> dict[str, dict]:
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


@pytest.fixture(scope="session")
def cases(test_files) -> list[dict]:
    return [test for document in test_files.values() for test in document["tests"]]


def selectors(expression: str) -> list[VectorSelector]:
    found = []
    walk(read(expression, expression), pre_visit=found.append)
    return [node for node in found if isinstance(node, VectorSelector)]


def behind(name: str, rules: list[dict]) -> list[VectorSelector]:
    """What a rule selects among scraped series, through the recording rules it reads."""
    read_here = [
        selector
        for rule in rules
        if name in (rule.get("alert"), rule.get("record"))
        for selector in selectors(str(rule["expr"]))
    ]
    return [deeper for each in read_here for deeper in (behind(each.name, rules) if ":" in each.name else [each])]


def given(case: dict) -> list[VectorSelector]:
    """The series a case puts in."""
    return [selector for series in case.get("input_series", []) for selector in selectors(series["series"])]


def selects(selector: VectorSelector, series: VectorSelector) -> bool:
    labels = {matcher.name: matcher.value for matcher in series.matchers.matchers}
    return selector.name == series.name and all(
        accepts(matcher, labels.get(matcher.name, "")) for matcher in selector.matchers.matchers
    )


def accepts(matcher: Matcher, value: str) -> bool:
    match matcher.op:
        case MatchOp.Equal:
            return value == matcher.value
        case MatchOp.NotEqual:
            return value != matcher.value
        case MatchOp.Re:
            return re.fullmatch(matcher.value, value) is not None
        case _:
            return re.fullmatch(matcher.value, value) is None


def checks(case: dict, alert: str) -> list[tuple[float, list]]:
    """(second, expected alerts) of the checks of one alert in one case, in order of time."""
    found = [check for check in case.get("alert_rule_test", []) if check["alertname"] == alert]
    return sorted(((parse(c["eval_time"], alert).total_seconds(), c["exp_alerts"]) for c in found), key=lambda c: c[0])


def test_every_alert_has_severity_component_and_annotations(alert_rules):
    for name, rule in alert_rules.items():
        assert rule["labels"]["severity"] in {"critical", "warning", "none"}, name
        assert rule["labels"]["component"], name
        assert "{{" not in rule["annotations"]["summary"], f"{name}: a summary is the same for all of a group"
        assert "$value" in rule["annotations"]["description"], name
        assert rule["annotations"]["runbook_url"].endswith(f"/alerts/runbooks/{name}.md"), name
        assert "/d/" in rule["annotations"]["dashboard_url"], name


def test_alert_names_are_unique(rules, alert_rules):
    assert len(alert_rules) == len([rule for rule in rules if "alert" in rule])


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(alerts, alert_rules):
    assert {path.stem for path in (alerts / "runbooks").glob("*.md")} == alert_rules.keys()


def test_runbooks_have_their_headings_each_with_text(alerts, alert_rules):
    for name in alert_rules:
        title, *sections = re.split(r"^## ", (alerts / "runbooks" / f"{name}.md").read_text(), flags=re.MULTILINE)
        assert title.strip() == f"# {name}"
        assert [section.split("\n", 1)[0] for section in sections] == HEADINGS, name
        assert all(section.split("\n", 1)[1].strip() for section in sections), name


def test_rule_and_test_files_are_pairs(rule_files, test_files):
    assert rule_files.keys() == test_files.keys()
    for area, document in test_files.items():
        assert document["rule_files"] == [f"{area}.rules.yml"]


def test_records_are_named_level_metric_operation(rules):
    for rule in rules:
        assert "record" not in rule or re.fullmatch(r"\w+:\w+:\w+", rule["record"]), rule["record"]


def test_cases_name_only_alerts_and_metrics_that_rules_have(cases, alert_rules, rules):
    known = {each.name for rule in rules for each in behind(rule.get("alert") or rule["record"], rules)}
    for case in cases:
        for check in case.get("alert_rule_test", []):
            assert check["alertname"] in alert_rules, f"{case['name']}: no such alert: {check['alertname']}"
        put_in = {series.name for series in given(case)}
        assert put_in <= known, f"{case['name']}: no rule reads {put_in - known}"
        records = {rule["record"] for rule in rules if "record" in rule}
        for query in case.get("promql_expr_test", []):
            read_by_query = metrics(read(query["expr"], case["name"]))
            assert read_by_query <= known | records | {"ALERTS"}, f"{case['name']}: {query['expr']}: reads nothing"
            named = set(re.findall(r'alertname="(\w+)"', query["expr"]))
            assert named <= alert_rules.keys(), f"{case['name']}: no such alert: {named}"


def test_every_case_checks_something_and_says_what(cases):
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names))
    for case in cases:
        assert case.get("alert_rule_test") or case.get("promql_expr_test"), case["name"]
        assert len(case["name"].split()) >= 5, f"{case['name']}: a case's name is a claim"


def test_exemptions_name_alerts_that_exist(alert_rules):
    assert ALWAYS_FIRING.keys() <= alert_rules.keys()


def test_every_alert_fires_with_labels_and_annotations(alert_rules, cases):
    for alert, rule in alert_rules.items():
        fired = [expected for case in cases for _, alerts in checks(case, alert) for expected in alerts]
        assert fired, f"{alert}: no case in which it fires"
        for expected in fired:
            assert expected["exp_labels"].items() >= rule["labels"].items(), alert
            assert expected["exp_annotations"].keys() == rule["annotations"].keys(), alert


def test_every_alert_is_silent_one_evaluation_before_and_after_it_resolved(alert_rules, cases, test_files):
    step = {parse(document["evaluation_interval"], "interval").total_seconds() for document in test_files.values()}
    assert step == {15.0}
    for alert in alert_rules.keys() - ALWAYS_FIRING.keys():
        assert any(just_before_and_after(checks(case, alert), 15.0) for case in cases), (
            f"{alert}: no case in which it is silent one evaluation before it fires, then fires, then is silent again"
        )


def just_before_and_after(found: list[tuple[float, list]], step: float) -> bool:
    firing = [second for second, alerts in found if alerts]
    silent = [second for second, alerts in found if not alerts]
    return bool(firing) and min(firing) - step in silent and any(second > max(firing) for second in silent)


def test_an_alert_with_a_hold_time_is_pending_just_before(alert_rules, cases):
    for alert in [name for name, rule in alert_rules.items() if "for" in rule]:
        case = next(case for case in cases if just_before_and_after(checks(case, alert), 15.0))
        before = min(second for second, alerts in checks(case, alert) if alerts) - 15
        pending = [
            query
            for query in case.get("promql_expr_test", [])
            if parse(query["eval_time"], alert).total_seconds() == before
            and any(f'alertname="{alert}",alertstate="pending"' in s["labels"] for s in query["exp_samples"])
        ]
        assert pending, f"{alert}: silent before it fires, but nothing shows that it was pending"


def test_every_alert_has_a_healthy_neighbour_with_the_series_it_selects(alert_rules, cases, rules):
    for alert in alert_rules.keys() - ALWAYS_FIRING.keys():
        needed = behind(alert, rules)
        assert needed, f"{alert}: selects no series"
        quiet = [case for case in cases if checks(case, alert) and not any(alerts for _, alerts in checks(case, alert))]
        assert quiet, f"{alert}: no case in which it stays silent"
        for case in quiet:
            unmet = [str(each) for each in needed if not any(selects(each, series) for series in given(case))]
            assert not unmet, f"{case['name']}: silent only because it lacks {unmet}"
