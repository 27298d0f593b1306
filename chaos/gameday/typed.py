"""What is typed: one reader of the terminal for a whole day, whose rounds have a screen each."""

import os
import sys
import threading
from collections.abc import Callable

_READ_BYTES = 4096


class Typed:
    """Hands every line to whoever listens at that moment."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor
        self._listener: Callable[[str], None] = lambda _: None
        self._begun = False

    def listen(self, listener: Callable[[str], None]) -> None:
        """From now on this one hears what is typed; the first call begins to read."""
        self._listener = listener
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._read, name="typed", daemon=True).start()

    def _read(self) -> None:
        # Not through sys.stdin: a thread that waits in it keeps its lock, and Python from ending.
        left = b""
        try:
            descriptor = sys.stdin.fileno() if self._descriptor is None else self._descriptor
            while read := os.read(descriptor, _READ_BYTES):
                *lines, left = (left + read).split(b"\n")
                for line in lines:
                    self._listener(line.decode(errors="replace"))
        except (OSError, ValueError):
            return  # nobody types there
