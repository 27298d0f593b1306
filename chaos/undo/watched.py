"""The watchdog's own sign of life: nothing is broken unless somebody watches who would undo it."""

import contextlib
import os
import time
from pathlib import Path

import msgspec

from chaos.errors import FaultFailed
from chaos.machine import process_identity
from chaos.machine.durable import replace
from chaos.machine.process_identity import Child

WATCHES_FILE = "watchdog.pid"
"""In the state folder: which process began to watch last; its time is that of the last look."""
_SILENT_SECONDS = 5.0
"""A watchdog that did not look for longer hangs, is frozen, or cannot write: it looks four times a second."""


def begin(state: Path) -> None:
    """To be called by the watchdog before its first look."""
    replace(state / WATCHES_FILE, msgspec.json.encode(process_identity.of_pid(os.getpid())), durable=False)


def looked(state: Path, began: float) -> None:
    """To be called by the watchdog once a look that began then, in Unix time, has read everything; never raises."""
    with contextlib.suppress(OSError):
        os.utime(state / WATCHES_FILE, (began, began))


def knows(state: Path, since: float) -> bool:
    """Whether the watchdog has read all that was on disk then, in Unix time."""
    return _looked(state) >= since


def watches(state: Path) -> Child | None:
    """The process that watches; None where nobody says so."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((state / WATCHES_FILE).read_bytes(), type=Child)
    return None


def _looked(state: Path) -> float:
    with contextlib.suppress(OSError):
        return (state / WATCHES_FILE).stat().st_mtime
    return 0.0


def assert_watched(state: Path) -> None:
    """To be called before every blow. Raises FaultFailed when nobody watches who would undo it."""
    watchdog = watches(state)
    if watchdog is None:
        raise FaultFailed("no watchdog watches, so nothing may be broken: is the stack up?")
    if not process_identity.is_alive(watchdog):
        raise FaultFailed(f"the watchdog (pid {watchdog.pid}) is dead, so nothing may be broken")
    silent = time.time() - _looked(state)
    if silent > _SILENT_SECONDS:
        raise FaultFailed(f"the watchdog (pid {watchdog.pid}) has not looked for {silent:.0f} s: nothing may be broken")
