"""What is built beside the stack stands still during a run: its compilers would be felt as pressure on the CPU.

The lock that asks for it ends with this process, however that ends, and whoever builds goes on then.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from chaos.machine.lock import LockBusy, is_locked, shared
from chaos.spec.target import Target

_STANDS_WITHIN_SECONDS = 5.0


def in_the_making(target: Target) -> str:
    """What is being built of what the stack does without, in words; empty where nothing is."""
    beside = target.built_beside
    return beside.what if beside and is_locked(Path(beside.building)) else ""


@contextlib.contextmanager
def standing_still(target: Target, note: Callable[[str], None]) -> Iterator[None]:
    """Have it stand still for the block; `note` is told that, or that it did not within 5 s."""
    beside, what = target.built_beside, in_the_making(target)
    if beside is None or not what:
        yield
        return
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(shared(Path(beside.halt), _STANDS_WITHIN_SECONDS))
            held.enter_context(shared(Path(beside.going), _STANDS_WITHIN_SECONDS))
            note(f"{what}, is being built; that stands still until the verdict, and this run has no traces")
        except (LockBusy, OSError):
            # Of another user, or its keeper is gone: what users feel may then be the compiler.
            note(f"{what}, is being built and does not stand still: this machine is busier than usual")
        yield
