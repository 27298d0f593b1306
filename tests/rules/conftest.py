"""What the rule tests share: the alert folder, its parsed files, and the real promtool and amtool."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from compose.drill_time import Manifest, generate

PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}

RunTool = Callable[..., str]


@pytest.fixture(scope="session")
def alerts() -> Path:
    """The folder with production durations."""
    return Path(__file__).parents[2] / "alerts"


@pytest.fixture(scope="session")
def run_tool() -> RunTool:
    """Runs promtool or amtool and returns its output; the test fails when the tool does, or is missing."""

    def run(name: str, *arguments: str | Path) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.fail(f"{name} is missing; the rules cannot be tested without it: install {PACKAGES[name]}")
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=120, check=False)
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
