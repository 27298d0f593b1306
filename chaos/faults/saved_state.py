"""What a fault chose when it was injected, kept in the state folder for its undo: which node was the master, say.

Its owner's alone. Written before the blow, and on disk and known to the watchdog when `write` returns, so that whoever
undoes the fault knows it. Each undo record has memos of its own: what an earlier fault of the same kind found is never
taken for what this one has to put back.
"""

import contextlib
import shutil
from pathlib import Path
from typing import TypeVar

import msgspec

from chaos.faults.hands import System
from chaos.machine import remembered
from chaos.machine.durable import folder_on_disk, private_folder, replace

T = TypeVar("T")


def write(system: System, name: str, value: msgspec.Struct) -> None:
    """Remember this under a name, of which a fault that is made of several needs more than one.

    Waits until the watchdog has read it, a fraction of a second; raises as `System.await_known` does.
    """
    file = _file(system, name)
    for folder in (file.parent.parent, file.parent):
        private_folder(folder)
    content = msgspec.json.encode(value)
    replace(file, content, private=True)
    folder_on_disk(file.parent.parent)
    remembered.keep(file, content)
    system.await_known()


def read(system: System, name: str, kind: type[T]) -> T | None:
    """What was remembered; None when nothing was, so that nothing can have been done.

    Where it may not be looked at any more, it is what it was when it last could be. Raises OSError where it never
    could be, msgspec.DecodeError where it is not whole: then nobody knows what was done.
    """
    content = remembered.read(_file(system, name))
    return None if content is None else msgspec.json.decode(content, type=kind)


def keep_in_mind(state: Path, record: int) -> None:
    """Look at all that a record remembers, for a time in which nobody may look; never raises."""
    with contextlib.suppress(OSError):
        for file in of_record(state, record).glob("*.json"):
            remembered.read(file)


def forget(state: Path, record: int) -> None:
    """Of a record that is undone nothing needs to be known; safe to repeat."""
    # What cannot be removed harms nobody, as no number comes twice; an error would keep the next record from its undo.
    folder = of_record(state, record)
    shutil.rmtree(folder, ignore_errors=True)
    remembered.forget(folder)


def of_record(state: Path, record: int) -> Path:
    """The folder that holds what belongs to an undo record."""
    return state / "memos" / str(record)


def _file(system: System, name: str) -> Path:
    return of_record(system.target.state_folder, system.record) / f"{system.covered(name)}.json"
