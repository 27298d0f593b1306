"""Which version of each server is installed, and whether it is one with which the stack works."""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from compose.tools import PACKAGES, MissingTool, Tools

_TABLE = Path(__file__).with_name("oldest-versions.txt")
_WITHIN_SECONDS = 10
# "HAProxy version 2.6.12", "Redis server v=7.0.15", "postgres (PostgreSQL) 15.18", "Redis Metrics Exporter 1.45.0".
_SAYS = re.compile(r"(?:version|v=|\(PostgreSQL\)|Exporter)\s*v?(\d+(?:\.\d+)*)")


class TooOld(MissingTool):
    """A server is older than what the stack needs; the message says which, and which is needed and why."""


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest version of a server that will do."""

    program: str
    version: str
    reason: str


def table() -> Iterator[Oldest]:
    """Every server that has an oldest version."""
    for line in _TABLE.read_text().splitlines():
        if not line.startswith("#"):
            yield Oldest(*line.split(maxsplit=2))


def assert_new_enough(tools: Tools) -> list[str]:
    """Ask every server for its version, which takes a second at most. Raises TooOld with a line for each too old one.

    Returns a line for each whose version cannot be told: who builds one himself may leave it out.
    """
    oldest = list(table())
    with ThreadPoolExecutor(len(oldest)) as pool:
        found = list(pool.map(lambda each: version_of(tools.path(each.program)), oldest))
    pairs = list(zip(oldest, found, strict=True))
    if too_old := [(each, version) for each, version in pairs if version and _key(version) < _key(each.version)]:
        raise TooOld("\n".join(_too_old(each, version) for each, version in too_old))
    return [
        f"{each.program}: does not say its version; {each.version} or newer is needed, as {each.reason}"
        for each, version in pairs
        if not version
    ]


def version_of(program: Path) -> str:
    """The version that a program says it has; empty where it does not say."""
    # HAProxy documents this one alone.
    flag = "-v" if program.name == "haproxy" else "--version"
    done = subprocess.run(
        (program, flag),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_WITHIN_SECONDS,
        check=False,
    )
    said = _SAYS.search(done.stdout + done.stderr)
    return said[1] if said else ""


def _too_old(oldest: Oldest, version: str) -> str:
    package = PACKAGES[oldest.program]
    return (
        f"{oldest.program} {version} is too old: {oldest.version} or newer is needed, as {oldest.reason}; "
        f"install a newer {package}, or use RUNTIME=compose"
    )


def _key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
