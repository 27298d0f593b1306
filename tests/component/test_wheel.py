"""The wheel as people have it: built from this checkout, installed into an empty environment, used in an empty folder.

No index is asked: what it needs is laid beside it from the packages that are installed here, of the versions it pins.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from compose.settings import ROOT
from tests.installed import kilobytes, lay, needs
from tests.ports import free_port
from tests.tinyapp_copy import copy_of_tinyapp
from tests.unit.project.test_installed import RULES
from tests.waiting import until

MOST_KILOBYTES = 60_000
BUILT_OF = ("alerts", "chaos", "compose", "services")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
ROUTING = (
    "route: { receiver: ops }\nreceivers: [{ name: ops, slack_configs: [{ api_url: 'http://x/y', channel: z }] }]\n"
)


def run(*command, cwd, **environment):
    """Without what tells Python here where to look."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STORMDRILL"))}
    return subprocess.run(
        [*map(str, command)], cwd=cwd, env=inherited | environment, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in BUILT_OF:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(ROOT / name, tree / name)
    pip = (sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-q", "-w", out)
    done = run(*pip, tree, cwd=tree)
    assert done.returncode == 0, done.stderr
    [file] = out.iterdir()
    return file


class Environment:
    """One with the wheel, and what it needs with these extras."""

    def __init__(self, folder, wheel, *extras):
        self.python, self.command = folder / "bin" / "python", folder / "bin" / "stormdrill"
        made = run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
        assert made.returncode == 0, made.stderr
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "--no-index", "--no-deps", "-q")
        done = run(*pip, wheel, cwd=folder.parent)
        assert done.returncode == 0, done.stderr
        [self.packages] = folder.glob("lib/python*/site-packages")
        self.brought = {one.name for one in self.packages.iterdir()}
        lay(needs(*extras), self.packages)

    def stormdrill(self, *arguments, cwd):
        return run(self.command, *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def installed(tmp_path_factory, wheel):
    return Environment(tmp_path_factory.mktemp("bare") / "env", wheel)


@pytest.fixture(scope="module")
def with_pager(tmp_path_factory, wheel):
    return Environment(tmp_path_factory.mktemp("extra") / "env", wheel, "pager")


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "web.yml").write_text(RULES)
    (tmp_path / "alertmanager.yml").write_text(ROUTING)
    # What a team may well have where it works, and must not be taken for ours.
    for name in ("alerts", "compose", "services"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('not ours')")
    return tmp_path


def test_it_takes_one_name_and_no_other(installed):
    assert {name for name in installed.brought if not name.endswith(".dist-info")} == {"chaos"}


def test_with_all_that_it_needs_it_is_no_larger_than_promised(installed):
    # With what Python makes of it where it is used.
    done = run(installed.python, "-m", "compileall", "-q", installed.packages, cwd="/")
    assert done.returncode == 0, done.stderr
    takes = kilobytes(installed.packages)
    print(f"{takes} KiB")
    assert 10_000 < takes < MOST_KILOBYTES


def test_it_carries_the_changes(installed):
    assert (installed.packages / "chaos" / "carried" / "CHANGELOG.md").read_text() == (
        ROOT / "CHANGELOG.md"
    ).read_text()


def test_of_a_checkout_it_knows_nothing(installed, tmp_path):
    done = installed.stormdrill("up", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("stormdrill: this needs a checkout: ")
    assert list(tmp_path.iterdir()) == []


def test_drill_time_is_made_whatever_lies_around(installed, rules):
    given = ("--rules", "rules", "--alertmanager", "alertmanager.yml", "--pager-url", "http://127.0.0.1:9099")
    done = installed.stormdrill("drill-time", *given, "--out", "out", cwd=rules)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 alerts, ")
    assert json.loads((rules / "out" / "manifest.json").read_text())["scale"] == 60
    assert installed.stormdrill("drill-time", "--rules", "rules", cwd=rules).returncode == 2


def test_the_linter_looks_at_the_folder_that_is_named(installed, rules):
    shutil.copytree(ROOT / "alerts", rules / "theirs", ignore=shutil.ignore_patterns("lint", "__pycache__"))
    given = ("--alerts", "theirs", "--no-dashboards", "--no-experiments")
    done = installed.stormdrill("lint-alerts", *given, cwd=rules)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (rules / "theirs" / "runbooks" / "Watchdog.md").unlink()
    done = installed.stormdrill("lint-alerts", *given, cwd=rules)
    assert (done.returncode, done.stdout) == (1, "alerting.rules.yml: Watchdog: has no runbook runbooks/Watchdog.md\n")
    nowhere = ("--prometheus", "http://127.0.0.1:1", "--out", "s")
    nobody = installed.stormdrill("lint-alerts", "series", *nowhere, cwd=rules)
    assert (nobody.returncode, nobody.stderr.startswith("series: http://127.0.0.1:1: ")) == (2, True)
    unsaid = installed.stormdrill("lint-alerts", cwd=rules)
    assert (unsaid.returncode, "--alerts" in unsaid.stderr) == (2, True)


def test_the_pager_says_what_it_needs_and_with_that_keeps_what_it_is_sent(installed, with_pager, rules):
    bare = installed.stormdrill("pager", cwd=rules)
    assert bare.returncode == 2
    assert bare.stderr.endswith(": pip install 'stormdrill[pager]'\n")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (rules / "pager.log").open("w") as log:
        process = subprocess.Popen(
            [with_pager.command, "pager", "--port", str(port)], cwd=rules, stdout=log, stderr=log
        )
    try:
        until(lambda: process.poll() is not None or answers(f"{url}/deliveries"), 30)
        assert process.poll() is None, (rules / "pager.log").read_text()
        alert = {"status": "firing", "labels": {"alertname": "WebDown"}, "annotations": {}, "fingerprint": "0",
                 "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": ""}  # fmt: skip
        message = {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "ops",
                   "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
                   "alerts": [alert]}  # fmt: skip
        assert httpx.post(f"{url}/receivers/ops", json=message).status_code == 200
        [delivery] = httpx.get(f"{url}/deliveries").json()["deliveries"]
        assert (delivery["receiver"], delivery["accepted"]) == ("ops", True)
        assert "WebDown" in (rules / "pager.ndjson").read_text()
    finally:
        process.terminate()
        process.wait(30)


def answers(url):
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_stack_is_broken_proven_and_put_back_by_what_is_installed(installed, tmp_path_factory):
    """From `validate` to the report: an app is killed under users who send what the target says."""
    copy = copy_of_tinyapp(tmp_path_factory.mktemp("installed") / "tinyapp")
    copy.start()
    try:
        until(copy.answers, 60)
        target = ("--target", "target.yaml")
        validated = installed.stormdrill("validate", *target, "experiments/kill-app.yaml", cwd=copy.folder)
        assert (validated.returncode, validated.stdout) == (0, "1 experiments are valid\n"), validated.stderr
        ran = installed.stormdrill("run", *target, "experiments/kill-app.yaml", cwd=copy.folder)
        assert ran.returncode == 0, ran.stderr + ran.stdout
        assert f"revision {metadata.version('stormdrill')}" in ran.stderr
        copy.assert_well()
        again = installed.stormdrill("report", *target, cwd=copy.folder)
        assert (again.returncode, "held (exit 0)" in again.stdout) == (0, True), again.stderr
        assert (Path(copy.latest) / "report.html").exists()
        assert installed.stormdrill("undo", *target, cwd=copy.folder).returncode == 0
    finally:
        copy.end()
