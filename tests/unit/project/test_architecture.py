"""Who may know whom, where import-linter's contracts (pyproject.toml, `make lint`) do not say it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from compose.settings import ROOT

PURE = {"open", "print", "input"}
KIT = ROOT / "services" / "kit"
BASIS = {"problems", "settings"}
KIT_KNOWS = {
    "problems": set(),
    "settings": set(),
    "telemetry": BASIS,
    "lifecycle": {"problems"},  # and telemetry by name: gunicorn's configuration names the formatter of its log
    "resilience": BASIS | {"telemetry"},
    "postgres": BASIS | {"telemetry", "resilience"},
    "redis": BASIS | {"telemetry", "resilience"},
    "cache": BASIS | {"telemetry", "resilience", "redis"},
    "http": BASIS | {"telemetry", "lifecycle", "resilience", "cache"},
    "service": BASIS | {"telemetry", "lifecycle", "http"},
}


def imports(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules(folder: Path) -> dict[str, Path]:
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in folder.rglob("*.py")}


@pytest.mark.parametrize("group", sorted({path.stem for path in KIT.iterdir()} - {"__init__", "__pycache__"}))
def test_a_group_of_the_kit_knows_only_those_below_it(group):
    for name, file in modules(KIT).items():
        if name.split(".")[2] != group:
            continue
        parts = [each.split(".") for each in imports(file) if each.startswith("services.")]
        assert {part[1] for part in parts} <= {"kit"}, f"{name} imports a service"
        known = {part[2] for part in parts if len(part) > 2}
        assert known <= KIT_KNOWS[group] | {group}, f"{name} imports {known}"


def test_no_two_modules_of_the_services_import_each_other():
    known = modules(ROOT / "services")
    # Raises CycleError, which names them.
    TopologicalSorter({name: imports(file) & known.keys() for name, file in known.items()}).prepare()


@pytest.mark.parametrize("part", ["judge", "report"])
def test_judge_and_report_do_no_io(part):
    for file in (ROOT / "chaos" / part).rglob("*.py"):
        assert not imports(file) & {"subprocess", "socket", "time", "os"}, file
        calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        assert not [call.id for call in calls if isinstance(call, ast.Name) and call.id in PURE], file


def test_only_faults_and_agents_speak_to_databases():
    attackers = {
        *(ROOT / "chaos/faults").iterdir(),
        *(ROOT / "chaos/agents").iterdir(),
        ROOT / "chaos/reach/redis_cluster.py",
        ROOT / "chaos/reach/postgres.py",
        ROOT / "chaos/reach/postgres_watch.py",
    }
    # What a claim compares ways of waiting with, which is no part of the engine.
    served = {ROOT / "chaos/claims/waiting_app.py"}
    for file in (ROOT / "chaos").rglob("*.py"):
        spoken = {name.partition(".")[0] for name in imports(file)}
        assert not {"fastapi", "starlette"} & spoken or file.parent.name == "console" or file in served, file
        assert not {"psycopg", "redis"} & spoken or file in attackers, file


def test_only_one_place_makes_names_that_say_whose_they_are():
    """What spells them out itself is not covered when a run is sealed."""
    spelt = {
        file.name: text.count("stormdrill")
        for room in ("faults", "agents")
        for file in (ROOT / "chaos" / room).glob("*.py")
        if "stormdrill" in (text := file.read_text())
    }
    assert spelt == {"hands.py": 1}


@pytest.mark.parametrize("room", ["alerts", "chaos", "compose", "dashboards", "services", "tests"])
def test_a_file_has_at_most_300_lines_and_a_function_40(room):
    for file in (ROOT / room).rglob("*.py"):
        text = file.read_text()
        assert len(text.splitlines()) <= 300, file
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < 40, f"{file}: {node.name}"
