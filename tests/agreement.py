"""What the runtimes must agree on: four experiments, and what the native one last made of them with this very code.

Whole runs of the native stack that are made anyway are noted here, so that the tests in containers need not repeat
them; alone, they make those that are missing.
"""

import hashlib
from typing import Any

import pytest

from compose.settings import ROOT

EXPERIMENTS = ("kill-instance", "pause-instance", "latency-postgres", "kill-redis-master")
"""Each has hands of its own in each runtime: a signal, a freezer, a proxy, a server's part chosen by its role."""
_ROOMS = ("alerts", "chaos", "compose", "dashboards", "services")


def note(cache: pytest.Cache, experiment: str, verdict: dict[str, Any]) -> None:
    """Keep what the native runtime made of this experiment; what did not hold is to be made again."""
    cache.set(_key(experiment), verdict if verdict["outcome"] == "held" else None)


def noted(cache: pytest.Cache, experiment: str) -> dict[str, Any] | None:
    """What it made of it with the code as it is now; None when it was not asked, or it did not hold."""
    found: dict[str, Any] | None = cache.get(_key(experiment), None)
    return found


def outcomes(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    """What became of each alert, but for those that may fire; which instance a chosen master is may differ."""
    return sorted((alert["name"], alert["outcome"]) for alert in verdict["alerts"] if alert["outcome"] != "allowed")


def _key(experiment: str) -> str:
    state = hashlib.sha256()
    for file in sorted(file for room in _ROOMS for file in (ROOT / room).rglob("*") if file.is_file()):
        if "__pycache__" not in file.parts:
            state.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return f"stormdrill/{state.hexdigest()[:16]}/{experiment}"
