"""Who may know whom: alerts, services, compose and chaos do not import each other, and the judge does no I/O."""

import ast
from pathlib import Path

import pytest

from compose.settings import ROOT

ROOMS = {"alerts", "services", "compose", "chaos"}
PURE = {"open", "print", "input"}


def imports(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_rooms_do_not_import_each_other(room):
    for file in (ROOT / room).rglob("*.py"):
        others = {name.partition(".")[0] for name in imports(file)} & ROOMS - {room}
        allowed = {"compose"} if file == ROOT / "chaos" / "cli" / "main.py" else set()
        assert others <= allowed, f"{file.relative_to(ROOT)} imports {others}"


@pytest.mark.parametrize("part", ["judge", "report"])
def test_judge_and_report_do_no_io(part):
    outside = ("subprocess", "socket", "httpx", "time", "os")
    rooms = ("chaos.observe", "chaos.drill", "chaos.control")
    for file in (ROOT / "chaos" / part).glob("*.py"):
        assert not [name for name in imports(file) if name in outside or name.startswith(rooms)], file
        calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        assert not [call.id for call in calls if isinstance(call, ast.Name) and call.id in PURE], file


def test_only_faults_and_agents_speak_to_databases():
    attackers = {
        *(ROOT / "chaos/faults").iterdir(),
        *(ROOT / "chaos/agents").iterdir(),
        ROOT / "chaos/reach/redis_cluster.py",
        ROOT / "chaos/reach/postgres.py",
    }
    for file in (ROOT / "chaos").rglob("*.py"):
        spoken = {name.partition(".")[0] for name in imports(file)}
        assert "fastapi" not in spoken, file
        assert not {"psycopg", "redis"} & spoken or file in attackers, file
