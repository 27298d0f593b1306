"""Several programs that add to one file do so one at a time; who stands still while he does keeps the others for 2 s.

By hand, and not chaos/machine/lock.py: facts know no machine, and what is locked here is the file itself.
"""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from io import FileIO

WITHIN_SECONDS = 2.0
"""A round is aborted and undone within ten, also when somebody keeps its file for ever."""
_POLL_SECONDS = 0.01


@contextlib.contextmanager
def alone(opened: FileIO) -> Iterator[None]:
    """Nobody else is in such a block with this file. Raises OSError when somebody was for the whole time."""
    give_up_at = time.monotonic() + WITHIN_SECONDS
    while not _had(opened):
        if time.monotonic() >= give_up_at:
            raise OSError(f"another program has kept {opened.name} for {WITHIN_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        fcntl.flock(opened, fcntl.LOCK_UN)


def _had(opened: FileIO) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
