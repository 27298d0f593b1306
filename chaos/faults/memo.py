"""What a fault chose when it was injected, kept in the state folder for its undo: which node was the master, say.

Written before the blow and on disk when `write` returns, so that whoever undoes the fault knows it.
"""

from typing import TypeVar

import msgspec

from chaos.agents.job import replace
from chaos.faults.fault import System

T = TypeVar("T")


def write(system: System, name: str, value: msgspec.Struct) -> None:
    """Remember this under a name, which is the fault's own."""
    folder = system.target.state_folder / "memos"
    folder.mkdir(exist_ok=True)
    replace(folder / f"{name}.json", msgspec.json.encode(value))


def read(system: System, name: str, kind: type[T]) -> T | None:
    """What was remembered; None when nothing was, so that nothing can have been done."""
    try:
        return msgspec.json.decode((system.target.state_folder / "memos" / f"{name}.json").read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def forget(system: System, name: str) -> None:
    """To be called before choosing anew; does nothing when nothing was remembered."""
    (system.target.state_folder / "memos" / f"{name}.json").unlink(missing_ok=True)
