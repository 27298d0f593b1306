"""Every test has a time-out, and plain `pytest` collects nothing that takes long."""

import tomllib

import pytest

from compose.settings import ROOT
from tests import limits

pytest_plugins = ["pytester"]

LONG = ("crowded", "distros", "foreign", "gameday", "grafana", "machines", "pace", "undo", "verifier")


def folders():
    return {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").glob("*/**/test_*.py")}


def test_every_folder_of_tests_has_a_limit(request):
    assert folders() == limits.SECONDS.keys()
    assert request.node.get_closest_marker("timeout").args == (limits.SECONDS["unit"],)


def test_a_test_that_hangs_fails_by_name(pytester, monkeypatch):
    file = pytester.makepyfile(test_hangs="def test_hangs():\n    while True:\n        pass\n")
    monkeypatch.setattr(limits, "_HERE", file.parent.parent)
    monkeypatch.setitem(limits.SECONDS, file.parent.name, 0.2)
    result = pytester.inline_run("-p", "no:cacheprovider", plugins=[limits])
    _, _, failed = result.listoutcomes()
    assert ["Timeout (>0.2s)" in str(one.longrepr) for one in failed] == [True]


@pytest.mark.parametrize(
    ("arguments", "collected"),
    [((), {"unit"}), (("tests",), {"unit"}), (("tests/undo", "tests/distros"), {"undo", "distros"})],
)
def test_what_takes_long_is_collected_only_where_it_is_named(pytester, arguments, collected):
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["norecursedirs"]
    pytester.makeini(f"[pytest]\ntestpaths = tests\nnorecursedirs = {' '.join(patterns)}\n")
    for folder in ("unit", *LONG):
        pytester.makepyfile(**{f"tests/{folder}/test_{folder}": "def test_one(): pass"})
    items, _ = pytester.inline_genitems(*arguments)
    assert {item.path.parent.name for item in items} == collected
