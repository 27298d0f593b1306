"""What the runtimes must agree on: four experiments, and what the native one last made of them with this very code.

Whole runs of the native stack that are made anyway are noted here, so that the tests in containers need not repeat
them; alone, they make those that are missing.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from compose.settings import ROOT

EXPERIMENTS = ("kill-instance", "pause-instance", "latency-postgres", "kill-redis-master")
"""Each has hands of its own in each runtime: a signal, a freezer, a proxy, a server's part chosen by its role."""
_LATENCY = "p99 of user requests in seconds"
_RUNS = 3
_ROOMS = ("alerts", "chaos", "compose", "dashboards", "services")


def note(cache: pytest.Cache, experiment: str, verdict: dict[str, Any]) -> None:
    """Keep what the native runtime made of this experiment; what did not hold is to be made again."""
    cache.set(_key(experiment), verdict if verdict["outcome"] == "held" else None)


def noted(cache: pytest.Cache, experiment: str) -> dict[str, Any] | None:
    """What it made of it with the code as it is now; None when it was not asked, or it did not hold."""
    found: dict[str, Any] | None = cache.get(_key(experiment), None)
    return found


def only_slow(verdict: dict[str, Any]) -> bool:
    """Whether all that was amiss is how long users waited: two cores that others use as well are too few for a run."""
    return bool(verdict["reasons"]) and all(_LATENCY in reason for reason in verdict["reasons"])


def run(stack: Any, experiment: str, first: Callable[[], None] = lambda: None) -> tuple[dict[str, Any], str]:
    """Run it on this stack, at most three times where users only waited too long; the last verdict and what was said.

    `first` is called before each. AssertionError when the exit code is not the verdict's.
    """
    for _ in range(_RUNS):
        first()
        code, output = stack.command("run", experiment)
        verdict: dict[str, Any] = json.loads((stack.settings.runs / "latest" / "verdict.json").read_text())
        assert verdict["exit_code"] == code, output
        if not only_slow(verdict):
            break
        print(experiment, *verdict["reasons"], sep="\n")
    return verdict, output


def outcomes(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    """What became of each alert, but for those that may fire; which instance a chosen master is may differ."""
    return sorted((alert["name"], alert["outcome"]) for alert in verdict["alerts"] if alert["outcome"] != "allowed")


def _key(experiment: str) -> str:
    state = hashlib.sha256()
    for file in sorted(file for room in _ROOMS for file in (ROOT / room).rglob("*") if file.is_file()):
        if "__pycache__" not in file.parts:
            state.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return f"stormdrill/{state.hexdigest()[:16]}/{experiment}"
