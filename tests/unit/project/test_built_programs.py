"""Programs that `make setup` builds lie in a folder of their own for each state of all Go modules."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from compose.settings import ROOT
from compose.tools import cache_folder, modules_key

FILES = sorted(
    str(file.relative_to(ROOT / "tools")) for name in ("go.*", "*.go") for file in (ROOT / "tools").rglob(name)
)


def _bash(script: str, root: Path, cache: Path, **environment: str) -> str:
    lines = ("set -euo pipefail", 'root="$1"', "say() { echo $*; }", '. "$root/tools/built.sh"', script)
    done = subprocess.run(
        ("bash", "-c", "\n".join(lines), "-", root),
        env={"PATH": os.environ["PATH"], "STORMDRILL_CACHE": str(cache)} | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()


def key_of_setup(root: Path) -> str:
    """The name of the folder that set-up builds into."""
    return _bash("built_folder", root, Path("/cache")).removeprefix("/cache/bin/")


@pytest.fixture
def copy(tmp_path) -> Path:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    return tmp_path


def test_every_module_counts():
    assert {str(Path(file).parent) for file in FILES} >= {".", "docker-compose", "prometheus", "alertmanager"}


@pytest.mark.parametrize("file", FILES)
def test_a_change_of_any_module_makes_another_folder(file, copy):
    before = modules_key(copy / "tools")
    with (copy / "tools" / file).open("a") as module:
        module.write("// another version\n")
    assert modules_key(copy / "tools") != before
    assert key_of_setup(copy) == modules_key(copy / "tools")


def test_setup_and_the_stack_look_in_the_same_folder(copy):
    assert key_of_setup(copy) == modules_key(ROOT / "tools")


@pytest.mark.parametrize(
    "environment",
    [{"STORMDRILL_CACHE": "/a/cache"}, {"XDG_CACHE_HOME": "/x", "STORMDRILL_CACHE": ""}, {"STORMDRILL_CACHE": ""}],
)
def test_setup_and_the_stack_mean_the_same_cache(environment, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/a/home")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _bash("built_folder", ROOT, Path(), **({"HOME": "/a/home"} | environment)) == str(cache_folder())


@pytest.mark.parametrize("lies_in", ["an older key", "this one"])
def test_what_doctor_takes_for_built_is_what_set_up_would_not_build(lies_in, tmp_path):
    key = modules_key(ROOT / "tools") if lies_in == "this one" else "0123456789ab"
    program = tmp_path / "bin" / key / "a-program-of-no-path"
    program.parent.mkdir(parents=True)
    program.write_text("")
    program.chmod(0o755)
    lines = (ROOT / "tools/doctor.sh").read_text().splitlines()
    asked = "\n".join(line for line in lines if line.startswith(("built=", "has_built()")))
    said = _bash(f"{asked}\nif has_built a-program-of-no-path; then echo built; fi", ROOT, tmp_path)
    assert said == ("built" if lies_in == "this one" else "")


def test_programs_that_were_not_used_for_a_month_are_removed_and_nothing_else(tmp_path):
    used, old, fresh, foreign = (tmp_path / "bin" / name for name in ("a" * 12, "b" * 12, "c" * 12, "my programs"))
    month_ago = time.time() - 32 * 86400
    for folder in (used, old, fresh, foreign):
        folder.mkdir(parents=True)
        (folder / "jaeger").write_text("")
    for folder in (used, old, foreign):
        os.utime(folder, (month_ago, month_ago))
    said = _bash('use_built "$STORMDRILL_CACHE/bin/aaaaaaaaaaaa"', ROOT, tmp_path)
    assert sorted((tmp_path / "bin").iterdir()) == [used, fresh, foreign]
    assert str(old) in said
    assert time.time() - used.stat().st_mtime < 60
    assert _bash('use_built "$STORMDRILL_CACHE/bin/aaaaaaaaaaaa"', ROOT, tmp_path) == ""


@pytest.mark.parametrize(("module", "found"), [("tools", "on-path"), ("tools/prometheus", "cache")])
def test_a_go_that_is_too_old_for_a_module_is_left_for_the_one_of_the_cache(module, found, tmp_path):
    """Go 1.25 builds Toxiproxy and Jaeger; Prometheus needs 1.26."""
    for folder in ("on-path", "cache/go/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "go").write_text("#!/bin/sh\necho go1.25.3\n")
        (tmp_path / folder / "go").chmod(0o755)
    function = re.search(r"^find_go\(\) \{.*?^\}", (ROOT / "tools/setup.sh").read_text(), re.DOTALL | re.MULTILINE)
    script = f'set -euo pipefail; PATH={tmp_path}/on-path:$PATH; cache={tmp_path}/cache; {function[0]}; find_go "$1"'
    asked = ("bash", "-c", script, "-", ROOT / module)
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10)
    assert Path(done.stdout.strip()).relative_to(tmp_path).parts[0] == found
