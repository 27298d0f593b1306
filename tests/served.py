"""All that a player of a game day can look at on our own stack, by where it is."""

import contextlib
import subprocess
from collections.abc import Iterator

import httpx
import psycopg

from compose.config import programs
from tests import redis_clients

_ONCE = (".new", ".lock", ".journal", ".undo")
"""Files on their way to their name, and locks, which the first run of a stack makes for all."""


def served(stack) -> Iterator[tuple[str, str]]:
    """Each place with its text."""
    prometheus = stack.url("prometheus")
    yield "series", httpx.get(f"{prometheus}/api/v1/series", params={"match[]": '{__name__=~".+"}'}).text
    yield "rules", httpx.get(f"{prometheus}/api/v1/rules").text
    yield "alerts", httpx.get(f"{stack.url('alertmanager')}/api/v2/alerts").text
    yield "toxics", httpx.get(f"{stack.url('toxiproxy')}/proxies").text
    yield "watchdog", httpx.get(f"{stack.url('watchdog')}/metrics").text
    for log in (stack.settings.state / "logs").glob("*.log"):
        yield log.name, log.read_text(errors="replace")
    listed = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
    mine = (str(stack.settings.state), "chaos.")
    yield "processes", "\n".join(line for line in listed.splitlines() if any(part in line for part in mine))
    with psycopg.connect(programs.postgres_dsn(stack.topology, stack.topology.one("postgres").port)) as connection:
        rows = connection.execute("SELECT application_name, query FROM pg_stat_activity").fetchall()
        yield "connections", "\n".join(map(str, rows))
    for node in stack.topology.of_role("redis"):
        with redis_clients.client(stack, node) as client:
            yield node.name, "\n".join(map(str, client.scan_iter(count=1000)))
    folder = (stack.settings.runs / "latest").resolve()
    for file in folder.iterdir():
        if file.is_file():
            yield file.name, file.read_text(errors="replace")
    yield "runs", "\n".join(one.name for one in stack.settings.runs.iterdir())
    yield "state", "\n".join(written_since_it_began(stack))


def written_since_it_began(stack) -> list[str]:
    """The files of the state folder that the latest run, or somebody since, has written; what servers keep left out."""
    state, began = stack.settings.state, (stack.settings.runs / "latest").lstat().st_mtime
    found = []
    for file in (
        *state.iterdir(),
        *(file for room in ("agents", "memos", "run") for file in (state / room).rglob("*")),
    ):
        with contextlib.suppress(FileNotFoundError):  # it is being replaced
            if file.suffix not in _ONCE and not file.is_dir() and file.lstat().st_mtime >= began:
                found.append(str(file.relative_to(state)))
    return sorted(found)
