"""A terminal that nobody waits for: who stops it, or reads it slowly, holds nobody up but himself."""

import contextlib
import io
import queue
import threading
import time
from typing import TextIO

_LOOK_AGAIN_SECONDS = 0.02


class Unhurried(io.TextIOBase):
    """Text for another stream, written there by a thread of its own."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._written = threading.Event()
        self._written.set()
        threading.Thread(target=self._write, name="terminal", daemon=True).start()

    def write(self, text: str) -> int:
        """Take it; returns at once."""
        self._written.clear()
        self._texts.put(text)
        return len(text)

    def drain(self, seconds: float) -> bool:
        """Wait until all was written, for so long at most; whether it was."""
        deadline = time.monotonic() + seconds
        while not (done := self._written.is_set() and self._texts.empty()) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_SECONDS)
        return done

    def _write(self) -> None:
        while True:
            text = self._texts.get()
            # A terminal that was closed keeps nothing from being put back.
            with contextlib.suppress(OSError, ValueError):
                self._out.write(text)
                self._out.flush()
            if self._texts.empty():
                self._written.set()
