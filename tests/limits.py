"""How long a test may take: one that hangs fails by name, instead of costing CI its time.

Fixtures count: whichever test comes first waits for the whole stack to come up. Each limit is several times what the
slowest test of its folder was seen to take, as a busy machine is no reason to fail.
"""

from pathlib import Path

import pytest

SECONDS = {
    "unit": 60,
    "rules": 180,
    "component": 240,
    "e2e": 360,
    "containers": 900,
    "crowded": 360,
    "undo": 900,
    "pace": 5400,
    "verifier": 900,
    "gameday": 900,
    "distros": 3600,
    "machines": 900,
    "browser": 300,
    "foreign": 300,
    "grafana": 900,
}
"""Folder below tests/ → limit; a test that needs more says so itself, by `pytest.mark.timeout`."""
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test that has no limit of its own that of its folder."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(of(item.path)))


def of(file: Path) -> int:
    """The limit of the tests in this file. KeyError where its folder has none."""
    return SECONDS[file.relative_to(_HERE).parts[0]]
