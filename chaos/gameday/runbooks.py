"""Runbooks as whoever plays reads them: with the addresses of the stack that is played on, and at its pace."""

import re
from pathlib import Path

from chaos.errors import InvalidFile
from chaos.spec import door
from chaos.spec import target as targets
from chaos.spec.target import Target

_WRITTEN = {
    "http://127.0.0.1:9090": "prometheus",
    "http://127.0.0.1:9093": "alertmanager",
    "http://127.0.0.1:8080": "users",
}
"""Addresses as runbooks write them, which a reader puts his own in place of."""
_FASTEST = 60
_AT_THE_FASTEST = re.compile(r"In a drill minutes are seconds: write `\[(\d+)s\]`\.")


def text(where: str, folder: Path | None, target: Target | None = None) -> str:
    """The runbook of this address where it lies in that very folder, and nowhere else; otherwise the address."""
    here = {file.name: file for file in folder.iterdir() if file.is_file()} if folder and folder.is_dir() else {}
    found = here.get(where.rpartition("/")[2])
    if found is None:
        return where or "it has none"
    return for_target(found.read_text(errors="replace"), target)


def for_target(written: str, target: Target | None) -> str:
    """The same with the addresses and the pace of this target, as far as it says them."""
    if target is None:
        return written
    for address, name in _WRITTEN.items():
        written = written.replace(address, door.first(getattr(target.urls, name)) or address)
    if target.pace is None:
        return written
    a_minute = _FASTEST / target.pace
    return _AT_THE_FASTEST.sub(
        lambda found: f"Here a minute takes {a_minute:g} s: write `[{int(found[1]) * a_minute:g}s]`.", written
    )


def target_of(file: str) -> Target | None:
    """The target of this file; None: there is none that can be read just now."""
    try:
        return targets.read(Path(file)) if file else None
    except InvalidFile:
        return None
