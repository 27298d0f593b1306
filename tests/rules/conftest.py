"""What the rule tests share: the alert folder, its parsed files, and real servers and their tools in two versions."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from compose.drill_time import Manifest, generate
from compose.tools import cache_folder

OWN_ENGINE = "STORMDRILL_OWN_DOCKER"
"""Set where `make setup` builds what the official images hold as well."""
INSTALLED = {
    "promtool": ("promtool",),
    "amtool": ("amtool",),
    "prometheus": ("prometheus",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
}
BUILT = {name: (f"stormdrill-{name}",) for name in INSTALLED}
_REMEDIES = {"installed": "install prometheus and prometheus-alertmanager", "built": f"{OWN_ENGINE}=1 make setup"}

Programs = Mapping[str, str]
RunTool = Callable[..., str]


def find(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The path of each program that is there."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", str(cache_folder())))
    found = {
        program: next(filter(None, (shutil.which(name, path=places) for name in aliases)), None)
        for program, aliases in names.items()
    }
    return {program: path for program, path in found.items() if path}


def releases(environ: Mapping[str, str] = os.environ) -> list[str]:
    """What to test with; where they were to be built, they are asked for whether they are there or not."""
    return ["installed", "built"] if environ.get(OWN_ENGINE) or find(BUILT) else ["installed"]


def programs_of(release: str) -> Programs:
    """The servers and tools of a release; the test fails when one is missing."""
    found = find(BUILT if release == "built" else INSTALLED)
    if missing := INSTALLED.keys() - found.keys():
        pytest.fail(f"{release}: missing, and the rules cannot be tested without: {missing}; {_REMEDIES[release]}")
    return found


@pytest.fixture(scope="session", params=releases())
def programs(request) -> Programs:
    """Prometheus, Alertmanager and their tools: the installed ones, then those of the official images' version."""
    return programs_of(request.param)


@pytest.fixture(scope="session")
def alerts() -> Path:
    """The folder with production durations."""
    return Path(__file__).parents[2] / "alerts"


@pytest.fixture(scope="session")
def run_tool(programs) -> RunTool:
    """Runs a program and returns its output; the test fails when the program does, or is missing."""

    def run(name: str, *arguments: str | Path) -> str:
        done = subprocess.run([programs[name], *arguments], capture_output=True, text=True, timeout=120, check=False)
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{name} {' '.join(map(str, arguments))}: exit {done.returncode}\n{output}"
        return output

    return run


@pytest.fixture(scope="session")
def rule_files(alerts) -> dict[str, dict]:
    """Area → parsed rule file."""
    return {
        path.name.removesuffix(".rules.yml"): yaml.safe_load(path.read_text()) for path in alerts.glob("*.rules.yml")
    }


@pytest.fixture(scope="session")
def test_files(alerts) -> dict[str, dict]:
    """Area → parsed promtool test file."""
    return {path.name.removesuffix(".test.yml"): yaml.safe_load(path.read_text()) for path in alerts.glob("*.test.yml")}


@pytest.fixture(scope="session")
def drill(alerts, tmp_path_factory) -> tuple[Path, Manifest]:
    """The generated folder and its manifest."""
    folder = tmp_path_factory.mktemp("drill")
    return folder, generate(alerts, alerts / "alertmanager.yml", "http://127.0.0.1:9", folder)
