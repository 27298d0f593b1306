"""Programs that `make setup` builds lie in a folder of their own for each state of all Go modules."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from compose.settings import ROOT
from compose.tools import modules_key

FILES = sorted(
    str(file.relative_to(ROOT / "tools")) for name in ("go.*", "*.go") for file in (ROOT / "tools").rglob(name)
)


def key_of_setup(root: Path) -> str:
    """What the line of setup.sh gives that names the folder."""
    (line,) = [line for line in (ROOT / "tools/setup.sh").read_text().splitlines() if line.startswith("built=")]
    script = f'set -euo pipefail; root="$1"; cache=""; {line}; echo "$built"'
    done = subprocess.run(("bash", "-c", script, "-", root), capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip().removeprefix("/bin/")


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
