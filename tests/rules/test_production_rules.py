"""promtool passes what tests nothing; the linter does not."""

import shutil
import subprocess

import pytest

from alerts.lint import tools
from tests.rules.conftest import programs_of, releases

SILENT = """rule_files: [alerting.rules.yml]
evaluation_interval: 15s
tests:
  - name: an alert of this name does not exist and so is silent
    interval: 15s
    alert_rule_test:
      - { alertname: Watchdgo, eval_time: 2m, exp_alerts: [] }
"""


@pytest.fixture
def folder(alerts, tmp_path):
    """Just enough to run both tools on."""
    for name in ("alerting.rules.yml", "alerting.test.yml", "alertmanager.yml"):
        shutil.copy(alerts / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("release", releases()[1:])
def test_every_case_holds_on_the_other_release_too(release, alerts):
    """`make lint-alerts` shows that they hold on the installed one."""
    assert [str(problem) for problem in tools.check(alerts, programs_of(release))] == []


def said(folder) -> list[str]:
    return [str(problem) for problem in tools.check(folder)]


def passes_by_itself(folder) -> bool:
    command = ["promtool", "test", "rules", folder / "alerting.test.yml"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def test_what_is_right_passes(folder):
    assert said(folder) == []


def test_a_missing_rule_file_passes_with_promtool_and_not_here(folder):
    text = (folder / "alerting.test.yml").read_text()
    (folder / "alerting.test.yml").write_text(text.partition("tests:")[0].replace(".yml", ".yaml") + "tests: []\n")
    assert passes_by_itself(folder), "promtool has learnt it: the check may go"
    assert any("no file match pattern" in line for line in said(folder))


def test_a_misspelt_alert_that_is_expected_to_be_silent_passes_with_promtool(folder):
    """test_alert_contract.py shows that the linter's own check of names catches it."""
    (folder / "alerting.test.yml").write_text(SILENT)
    assert passes_by_itself(folder), "promtool has learnt it: the check may go"


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("alerting.rules.yml", "vector(1)", "vector(1", "promtool check rules"),
        ("alerting.test.yml", "(value 1)", "(value 2)", "promtool test rules"),
        ("alertmanager.yml", "receiver: pager", "receiver: nobody", "amtool check-config"),
    ],
)
def test_what_the_tools_find_is_passed_on(folder, file, old, new, place):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    assert any(line.startswith(f"{file}: {place}: exit ") for line in said(folder))


def test_a_missing_tool_is_said(folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert [line.split(" ")[0] for line in said(folder)] == ["promtool:", "amtool:"]
