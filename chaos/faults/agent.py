"""Starts and stops an agent: a process that acts on the system for as long as a fault is held.

What it is to do stands in the state folder, in one of its owner's alone, and who it is, written by itself before it
does anything, so that whoever undoes the fault finds it; it begins once the watchdog has read that. An undo that comes
while it is still starting leaves a mark that it looks for after that.
"""

import contextlib
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from chaos.agents.job import Place, Status, Task
from chaos.errors import FaultFailed
from chaos.faults.hands import Proof, System
from chaos.machine import durable, process_identity, remembered
from chaos.machine.process_identity import Child

BEYOND_HOLD_SECONDS = 60.0
"""An agent ends by itself this long after its fault should have been undone."""
SILENT_SECONDS = 3.0
"""An agent that said nothing for longer is not taken to act."""
_ACTS_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.05
_ENDS_WITHIN = timedelta(seconds=2)

T = TypeVar("T")


def start(system: System, name: str, kind: str, arguments: dict[str, Any], hold_seconds: float) -> str:
    """Start `chaos.agents.<kind>` under this name and wait until it acts; returns what it says.

    Raises FaultFailed when it is still there from before, ends, or does not act within 10 s.
    """
    place = _place(system, name)
    if _alive(place):
        raise FaultFailed(f"an agent {name} is still running: `make undo` ends it")
    for file in (place.ended, place.status, place.process, place.may_begin):
        file.unlink(missing_ok=True)
    _tell(place, Task(kind, hold_seconds + BEYOND_HOLD_SECONDS, arguments))
    _mark(place.log)
    process = process_identity.spawn("chaos.agents", [str(place.folder), place.name], place.log)
    _await(lambda: _read(place.process, Child) == process, place, process)
    system.await_known()
    _mark(place.may_begin)
    _await(lambda: (status := _read(place.status, Status)) is not None and status.acts, place, process)
    return _detail(place)


def acts(system: System, name: str) -> Proof:
    """Look whether it runs and says that it acts."""
    place = _place(system, name)
    status = _read(place.status, Status)
    if not _alive(place):
        return Proof(False, f"agent {name} does not run{_last_words(place)}")
    if status is None or time.monotonic() - status.at > SILENT_SECONDS:
        return Proof(False, f"agent {name} says nothing")
    return Proof(status.acts, status.detail)


def stop(system: System, name: str) -> None:
    """End it; safe to repeat, before it has begun and after it has ended."""
    place = _place(system, name)
    # On a full disk there is no such mark, and an agent that is only just starting cannot say who it is either.
    with contextlib.suppress(OSError):
        _mark(place.ended)
    if (process := _read(place.process, Child)) is not None:
        process_identity.stop(process, _ENDS_WITHIN)


def stopped(system: System, name: str) -> Proof:
    """Look whether it is gone."""
    place = _place(system, name)
    gone = _begins_no_more(place) and not _alive(place)
    return Proof(gone, f"agent {name} {'has ended' if gone else 'still runs'}")


def keep_in_mind(system: System) -> None:
    """Look who all agents are, for a time in which nobody may look; never raises."""
    with contextlib.suppress(OSError):
        for file in (system.target.state_folder / "agents").glob("*.process"):
            remembered.read(file)


def by_hand(system_folder: str, name: str) -> str:
    """What a human does when it does not end; `system_folder` is how to call the state folder."""
    return f"end the process that {system_folder}/agents/{name}.process names: kill -KILL -- -<pid>"


def _tell(place: Place, task: Task) -> None:
    try:
        durable.replace(place.job, msgspec.json.encode(task), durable=False, private=True)
    except OSError as error:
        raise FaultFailed(f"agent {place.name} cannot be told what to do: {error}") from error


def _mark(file: Path) -> None:
    os.close(durable.open_private(file, os.O_WRONLY))


def _await(condition: Callable[[], bool], place: Place, process: Child) -> None:
    deadline = time.monotonic() + _ACTS_WITHIN_SECONDS
    while not condition():
        if not process_identity.is_alive(process):
            raise FaultFailed(f"agent {place.name} ended{_last_words(place)}")
        if time.monotonic() > deadline:
            raise FaultFailed(f"agent {place.name} does not act: {_detail(place)}")
        time.sleep(_POLL_SECONDS)


def _detail(place: Place) -> str:
    status = _read(place.status, Status)
    return status.detail if status else "it says nothing"


def _place(system: System, name: str) -> Place:
    folder = system.target.state_folder / "agents"
    with contextlib.suppress(OSError):
        durable.private_folder(folder)
    return Place(folder, system.covered(name))


def _begins_no_more(place: Place) -> bool:
    """Whether it is marked, or nobody can write there: then one that is only just starting cannot say who it is."""
    try:
        if place.ended.exists():
            return True
        _mark(place.ended)
        place.ended.unlink()
    except OSError:
        return True
    return False


def _alive(place: Place) -> bool:
    process = _read(place.process, Child)
    return process is not None and process_identity.is_alive(process)


def _read(file: Path, kind: type[T]) -> T | None:
    content = remembered.read(file)
    return None if content is None else msgspec.json.decode(content, type=kind)


def _last_words(place: Place) -> str:
    lines = place.log.read_text(errors="replace").strip().splitlines() if place.log.exists() else []
    return f": {lines[-1]}" if lines else ""
