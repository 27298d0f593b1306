"""What `make lint-alerts` checks is true here; broken copies of the real files show that each check goes red."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.lint.__main__ import main, problems
from alerts.lint.folder import Folders
from compose.settings import ROOT

Break = Callable[[Path], None]


@pytest.fixture
def copies(tmp_path) -> Folders:
    """Copies of the real folders."""
    folders = Folders(tmp_path / "alerts", tmp_path / "dashboards", tmp_path / "experiments")
    shutil.copytree(ROOT / "alerts", folders.alerts, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(ROOT / "dashboards", folders.dashboards, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(ROOT / "chaos" / "experiments", folders.experiments)
    return folders


def said(folders: Folders) -> list[str]:
    return [str(problem) for problem in problems(folders)]


def test_alerts_runbooks_cases_dashboards_and_experiments_belong_together(copies):
    assert said(copies) == []


def replaced(file: str, old: str, new: str) -> Break:
    def change(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text, f"{file} no longer has {old!r}"
        (root / file).write_text(text.replace(old, new))

    return change


def removed(file: str) -> Break:
    return lambda root: (root / file).unlink()


def written(file: str, text: str) -> Break:
    def change(root: Path) -> None:
        (root / file).write_text(text)

    return change


def appended(file: str, text: str) -> Break:
    return lambda root: written(file, (root / file).read_text() + text)(root)


def on_a_panel(expression: str) -> Break:
    """The first expression of a dashboard, in a panel of its own, asks for something else."""

    def change(root: Path) -> None:
        board = json.loads((root / "dashboards/redis.json").read_text())
        panel = {"title": "Broken", "targets": [{"expr": expression}]}
        (root / "dashboards/redis.json").write_text(json.dumps(board | {"panels": [panel, *board["panels"]]}))

    return change


RESOLVED = "      - { alertname: RedisReplicationBroken, eval_time: 10m, exp_alerts: [] }\n"
BEFORE = "      - { alertname: PostgresDown, eval_time: 2m45s, exp_alerts: [] }\n"
HANGS_BEFORE = "      - { alertname: PostgresDown, eval_time: 11m45s, exp_alerts: [] }\n"
UNKNOWN_CASE = """
  - name: an alert that nobody has written is silent as well
    interval: 15s
    input_series:
      - { series: 'pg_up{job="postgres",instance="postgres"}', values: "1x20" }
    alert_rule_test:
      - { alertname: PostgresDwon, eval_time: 2m, exp_alerts: [] }
"""
BROKEN = {
    "a misspelt metric": (
        replaced("alerts/redis.rules.yml", "redis_master_link_up{", "redis_master_link_upp{"),
        "redis.rules.yml: RedisReplicationBroken: no such metric on the running stack: redis_master_link_upp",
    ),
    "a misspelt label": (
        replaced("alerts/redis.rules.yml", 'role="master"', 'rolle="master"'),
        "redis.rules.yml: RedisMemoryNearLimit: redis_instance_info has no label rolle",
    ),
    "a value that no series has": (
        replaced("alerts/redis.rules.yml", 'role="master"', 'role="primary"'),
        'redis.rules.yml: RedisMemoryNearLimit: no redis_instance_info has role="primary"; there are: master, slave',
    ),
    "a record that no rule makes": (
        replaced("alerts/shop.rules.yml", 'max by (instance) (up{job="shop"}) == 0', "max by (instance) (a:b:c) == 0"),
        "shop.rules.yml: ShopInstanceDown: no rule records a:b:c",
    ),
    "an alert without a runbook": (
        removed("alerts/runbooks/RedisNodeDown.md"),
        "redis.rules.yml: RedisNodeDown: has no runbook runbooks/RedisNodeDown.md",
    ),
    "a runbook without an alert": (
        written("alerts/runbooks/RedisNodeUp.md", "# RedisNodeUp\n"),
        "runbooks/RedisNodeUp.md: -: there is no such alert",
    ),
    "a runbook without a heading": (
        replaced("alerts/runbooks/RedisNodeDown.md", "## Impact", "## Effect"),
        "runbooks/RedisNodeDown.md: -: its headings are not Meaning, Impact, Diagnosis, Mitigation, Reproduce",
    ),
    "a runbook that names an experiment of another alert": (
        appended("alerts/runbooks/RedisNodeDown.md", "`make run EXP=kill-instance`\n"),
        "runbooks/RedisNodeDown.md: Reproduce: the experiment kill-instance does not list RedisNodeDown",
    ),
    "a test that names an unknown alert": (
        appended("alerts/postgres.test.yml", UNKNOWN_CASE),
        "postgres.test.yml: an alert that nobody has written is silent as well: no such alert: PostgresDwon;"
        " promtool passes when it is expected to be silent",
    ),
    "a test whose rule file is missing": (
        replaced("alerts/postgres.test.yml", "[postgres.rules.yml]", "[postgres.rules.yaml]"),
        "postgres.test.yml: rule_files: must be [postgres.rules.yml]; promtool passes when one does not exist",
    ),
    "a test that puts in what no rule reads": (
        replaced("alerts/shop.test.yml", 'up{job="shop",instance="shop-1",worker="1"}', 'pu{job="shop"}'),
        "no rule reads pu",
    ),
    "a rule without a resolve case": (
        replaced("alerts/redis.test.yml", RESOLVED, ""),
        "redis.rules.yml: RedisReplicationBroken: no case in which it resolves",
    ),
    "a rule without a case just before it fires": (
        lambda root: [replaced("alerts/postgres.test.yml", each, "")(root) for each in (BEFORE, HANGS_BEFORE)],
        "postgres.rules.yml: PostgresDown: no case in which it is silent one evaluation before it fires",
    ),
    "a hold time without a case in which it is pending": (
        replaced("alerts/postgres.test.yml", 'alertname="PostgresDown",alertstate="pending"', 'alertstate="pending"'),
        "postgres.rules.yml: PostgresDown: no case shows that it is pending one evaluation before it fires",
    ),
    "a healthy case that lacks what the rule selects": (
        replaced("alerts/postgres.test.yml", 'reserved_connections{job="postgres"', 'reserved_connections{job="pg"'),
        'silent only because it lacks pg_settings_superuser_reserved_connections{job="postgres"}',
    ),
    "an alert that no experiment lists": (
        replaced("alerts/exemptions.yml", "  PrometheusRuleFailures:", "  # PrometheusRuleFailures:"),
        "telemetry.rules.yml: PrometheusRuleFailures: no experiment lists it, and exemptions.yml does not say why",
    ),
    "an exemption of an alert that an experiment lists": (
        replaced("alerts/exemptions.yml", "no_experiment:\n", "no_experiment:\n  ShopInstanceDown: a b c d e\n"),
        "exemptions.yml: ShopInstanceDown: an experiment lists it by now",
    ),
    "an exemption of an alert that does not exist": (
        replaced("alerts/exemptions.yml", "no_experiment:\n", "no_experiment:\n  ShopGone: a b c d e\n"),
        "exemptions.yml: no_experiment: ShopGone: there is no such alert",
    ),
    "an exemption without a reason": (
        replaced("alerts/exemptions.yml", "  PrometheusRuleGroupSlow: it needs", "  PrometheusRuleGroupSlow: later  #"),
        "exemptions.yml: no_experiment: PrometheusRuleGroupSlow: has no reason, in a sentence",
    ),
    "an experiment that lists an unknown alert": (
        replaced("experiments/kill-instance.yaml", "name: HAProxyServerDown", "name: HAProxyServerGone"),
        "kill-instance.yaml: alerts: no such alert: HAProxyServerGone",
    ),
    "an alert without a comparison": (
        replaced(
            "alerts/redis.rules.yml", 'redis_master_link_up{job="redis"}) == 0', 'redis_master_link_up{job="redis"})'
        ),
        "redis.rules.yml: RedisReplicationBroken: no comparison: it fires for whatever the series says",
    ),
    "a hold time between two evaluations": (
        replaced("alerts/haproxy.rules.yml", "for: 1m\n", "for: 50s\n"),
        ": for: 50s is no multiple of 15 s, when rules are evaluated",
    ),
    "a duration in a description": (
        replaced("alerts/redis.rules.yml", "falls behind.", "falls behind for 5 minutes."),
        "redis.rules.yml: RedisReplicationBroken: description: says '5 minutes', which is not true in a drill",
    ),
    "a label in a description that the expression drops": (
        replaced("alerts/redis.rules.yml", "of cluster {{ $labels.job }}", "of {{ $labels.instance }}"),
        "redis.rules.yml: RedisClusterFailed: description:"
        " $labels.instance is always empty: the expression does not keep it",
    ),
    "a description without the value": (
        replaced("alerts/redis.rules.yml", " (value {{ $value }})", ""),
        "redis.rules.yml: RedisReplicationBroken: description: does not say $value",
    ),
    "a dashboard that does not exist": (
        replaced("alerts/telemetry.rules.yml", "/d/telemetry?var-job={{ $labels.job }}\n", "/d/telemetric\n"),
        "telemetry.rules.yml: TargetDown: dashboard_url: no such dashboard: telemetric",
    ),
    "a variable that the dashboard does not have": (
        replaced("alerts/telemetry.rules.yml", "/d/telemetry?var-job={{ $labels.job }}\n", "/d/telemetry?var-jab=x\n"),
        "telemetry.rules.yml: TargetDown: dashboard_url: dashboard telemetry has no variable jab",
    ),
    "a runbook address of another alert": (
        replaced("alerts/redis.rules.yml", "runbooks/RedisNodeDown.md", "runbooks/RedisNode.md"),
        "redis.rules.yml: RedisNodeDown: runbook_url: does not end in /alerts/runbooks/RedisNodeDown.md",
    ),
    "a severity that no route knows": (
        replaced("alerts/alerting.rules.yml", "severity: none", "severity: info"),
        "alerting.rules.yml: Watchdog: severity is one of critical, none, warning",
    ),
    "a dashboard panel on a missing series": (
        on_a_panel('rate(redis_key_misses_total{job=~"$job"}[$__rate_interval])'),
        "redis.json: Broken: no such metric on the running stack: redis_key_misses_total",
    ),
    "a dashboard panel on a value that no series has": (
        on_a_panel('redis_instance_info{job=~"$job",role="primary"}'),
        'redis.json: Broken: no redis_instance_info has role="primary"; there are: master, slave',
    ),
    "a dashboard panel that hides absence": (
        on_a_panel('sum(redis_up{job=~"$job"}) or vector(0)'),
        "redis.json: Broken: `or vector(…)` makes a series that is missing look like one that is well",
    ),
    "a dashboard panel that cannot be read": (
        on_a_panel("sum(redis_up{job=~"),
        "redis.json: Broken: not readable as PromQL",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_said_in_one_line(what, copies):
    change, expected = BROKEN[what]
    change(copies.alerts.parent)
    lines = said(copies)
    assert [line for line in lines if expected in line], lines


def test_folders_in_which_nothing_is_found_do_not_pass(tmp_path, copies):
    for file in copies.dashboards.glob("*.json"):
        file.unlink()
    assert "dashboards: -: holds no *.json" in said(copies)


def test_a_file_that_cannot_be_read_is_said_and_not_raised(copies):
    (copies.alerts / "redis.rules.yml").write_text("groups: [")
    assert [line for line in said(copies) if line.startswith("redis.rules.yml: -: not readable")]


def test_the_command_prints_what_is_wrong_and_exits_1(copies, capsys, monkeypatch):
    monkeypatch.setattr("alerts.lint.tools.check", lambda _: [])
    given = ["--alerts", copies.alerts, "--dashboards", copies.dashboards, "--experiments", copies.experiments]
    assert main([str(each) for each in given]) == 0
    assert capsys.readouterr().out == ""
    (copies.alerts / "runbooks" / "Watchdog.md").unlink()
    assert main([str(each) for each in given]) == 1
    assert capsys.readouterr().out == "alerting.rules.yml: Watchdog: has no runbook runbooks/Watchdog.md\n"
