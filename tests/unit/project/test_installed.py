"""An installed package, with what it says that it needs and nothing else, is enough for a stack of one's own."""

import json
import shutil
import subprocess
import sys

import pytest

from compose.settings import ROOT
from tests.installed import link, needs

OUR_OWN = {"alerts", "compose", "dashboards", "services"}
EXTRAS = {"aiosmtpd", "fastapi", "gevent", "gunicorn", "locust", "opentelemetry", "supervisor", "uvicorn", "uvloop"}
SAYS = """
import contextlib, io, json, sys
sys.path[:0] = [sys.argv[1]]
from chaos.cli import main as command_line
told = []
for arguments in json.loads(sys.stdin.read()):
    sys.argv[1:] = arguments
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            command_line.main()
        except SystemExit as ended:
            code = ended.code
    told.append([code, out.getvalue(), err.getvalue()])
tops = sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names)
print(json.dumps([told, tops]))
"""
RULES = "groups: [{name: g, rules: [{alert: WebDown, expr: up == 0}]}]"
TARGET = """
version: 1
name: theirs
state: state
runs: runs
urls:
  users: http://127.0.0.1:1 # nobody answers there
  prometheus: http://127.0.0.1:1
  alertmanager: http://127.0.0.1:1
  pager: http://127.0.0.1:1
control: { type: shell, timeout: 5s, instances: { web: { state: "true", kill: "true", start: "true" } } }
instances: { web: { role: web } }
alerting: { receiver: ops }
rules: rules
"""
EXPERIMENT = """
title: One of the web servers dies
claim: Users do not notice.
fault: { type: process.kill, instance: web, for: 15s }
steady_state: [{ name: failed, query: "load:failed:ratio", before: "== 0", during: "< 0.01", after: "== 0" }]
alerts: [{ name: WebDown, fires_within: 5s, resolves_within: 10s }]
recover_within: 10s
"""
WITH_TARGET = ("validate", "list", "coverage", "undo")
THEIRS = [
    ["schema"],
    ["schema", "target"],
    *([name, "--target", "target.yaml"] for name in WITH_TARGET),
    ["run", "--target", "target.yaml", "kill-web", "--dry-run"],
    ["gameday", "list", "--target", "target.yaml"],
]
OURS = [
    ["up"], ["down"], ["status"], ["restart"], ["compose-file"], ["validate"], ["list"], ["coverage"], ["report"],
    ["undo"], ["run", "kill-instance"], ["all"], ["claims"], ["ablation"], ["dashboards"], ["gameday", "--no-console"],
]  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each command answers where our package has only its needs beside it; and all that was loaded for that."""
    place, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("theirs")
    shutil.copytree(ROOT / "chaos", place / "chaos", ignore=shutil.ignore_patterns("__pycache__"))
    link(needs(), place)
    (folder / "target.yaml").write_text(TARGET)
    (folder / "rules").mkdir()
    (folder / "rules" / "web.yml").write_text(RULES)
    (folder / "experiments").mkdir()
    (folder / "experiments" / "kill-web.yaml").write_text(EXPERIMENT)
    asked = [*THEIRS, *OURS, ["console", "."], ["pager"]]
    # Without `site`, what else is installed is not found; isolated, nor is what the environment names.
    done = subprocess.run(
        (sys.executable, "-I", "-S", "-c", SAYS, str(place)),
        cwd=folder, input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told, loaded = json.loads(done.stdout)
    return {" ".join(words): answer for words, answer in zip(asked, told, strict=True)}, set(loaded)


def test_a_stack_of_ones_own_needs_no_checkout(said):
    answers, loaded = said
    codes = {" ".join(words): answers[" ".join(words)][0] for words in THEIRS}
    # An alert that no run has proven is what coverage is there to find.
    assert codes == dict.fromkeys(codes, 0) | {"coverage --target target.yaml": 1}, answers
    assert "1 experiments are valid" in answers["validate --target target.yaml"][1]
    assert "WebDown" in answers["coverage --target target.yaml"][1]
    assert not loaded & OUR_OWN
    assert not loaded & EXTRAS


@pytest.mark.parametrize("words", [" ".join(words) for words in OURS])
def test_what_is_about_our_own_stack_says_in_a_line_that_it_needs_one(said, words):
    code, out, err = said[0][words]
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert line.startswith("stormdrill: this needs a checkout: ")


def test_what_an_extra_brings_is_named_with_the_command_that_installs_it(said):
    for words, extra in (("console .", "gameday"), ("pager", "pager")):
        code, _, err = said[0][words]
        [line] = err.splitlines()
        assert code == 2
        assert line.endswith(f": pip install 'stormdrill[{extra}]'")
