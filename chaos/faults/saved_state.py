"""What a fault chose when it was injected, kept in the state folder for its undo: which node was the master, say.

Written before the blow and on disk when `write` returns, so that whoever undoes the fault knows it. Each undo record
has memos of its own: what an earlier fault of the same kind found is never taken for what this one has to put back.
"""

import shutil
from pathlib import Path
from typing import TypeVar

import msgspec

from chaos.faults.hands import System
from chaos.machine.durable import replace

T = TypeVar("T")


def write(system: System, name: str, value: msgspec.Struct) -> None:
    """Remember this under a name, of which a fault that is made of several needs more than one."""
    folder = of_record(system.target.state_folder, system.record)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / f"{name}.json", msgspec.json.encode(value))


def read(system: System, name: str, kind: type[T]) -> T | None:
    """What was remembered; None when nothing was, so that nothing can have been done."""
    folder = of_record(system.target.state_folder, system.record)
    try:
        return msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def forget(state: Path, record: int) -> None:
    """Of a record that is undone nothing needs to be known; safe to repeat."""
    # What cannot be removed harms nobody, as no number comes twice; an error would keep the next record from its undo.
    shutil.rmtree(of_record(state, record), ignore_errors=True)


def of_record(state: Path, record: int) -> Path:
    """The folder that holds what belongs to an undo record."""
    return state / "memos" / str(record)
