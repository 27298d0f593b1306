"""Set-up that fails says so, and the next one tries again: nothing is noted as done that is not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from compose.settings import ROOT


@pytest.fixture
def checkout(tmp_path) -> Path:
    """What set-up reads of a checkout."""
    folder = tmp_path / "a checkout"
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copy(ROOT / "requirements.lock", folder)
    return folder


def test_packages_that_cannot_be_fetched_end_it_and_are_asked_for_the_next_time(checkout, tmp_path):
    # A Python whose environments have a pip that fetches nothing; a real one would take seconds to make.
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\nprintf "#!/bin/sh\\nexit 1\\n" >"$3/bin/pip"\nchmod +x "$3/bin/pip"\n'
    )
    python.chmod(0o755)
    done = subprocess.run(
        (str(checkout / "tools/setup.sh"), "python"),
        env=os.environ | {"STORMDRILL_CACHE": str(checkout / "cache"), "found_python": str(python)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 2, done.stderr
    assert "the Python environment could not be made" in done.stderr
    assert "ready" not in done.stderr
    assert (checkout / ".venv/bin/pip").exists()
    assert not (checkout / ".venv/setup-done").exists()


def test_a_go_that_cannot_be_fetched_is_none(checkout):
    script = (checkout / "tools/setup.sh").read_text()
    functions = script[script.index("find_python") if "find_python()" in script else script.index("install_python()") :]
    functions = functions[: functions.index("case ${1:-} in")]
    lines = (
        "set -euo pipefail",
        f'root="{checkout}"; cache="{checkout}/cache"; logs=$cache; found_python=$(command -v false)',
        "go() { echo go1.19; }",
        functions,
        f'. "{checkout}/tools/packages.sh"',
        'if found=$(find_go "$root/tools"); then echo "found $found"; fi',
    )
    done = subprocess.run(("bash", "-c", "\n".join(lines)), capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == ""
