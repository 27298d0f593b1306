"""Says on stderr what a run does: one line a phase with its time, and meanwhile what it waits for."""

import contextlib
import sys
import time
from typing import TextIO

from chaos.report import durations

_REPEAT_SECONDS = 5.0
_REPEAT_SHARE = 0.1
"""Of what a phase has lasted so far: in minutes a line every few seconds is too many."""


class Progress:
    """Live progress; on a terminal the current line is rewritten, elsewhere it is repeated now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._began = time.monotonic()
        self._phase = ""
        self._phase_began = self._began
        self._said_at = self._began

    def phase(self, name: str) -> None:
        """A phase begins; the one before has ended."""
        self.done("")
        self._phase, self._phase_began, self._said_at = name, time.monotonic(), time.monotonic()

    def waits(self, what: str) -> None:
        """What the phase waits for now."""
        if self._stream.isatty():
            self._say(f"\r\x1b[K{self._line(what)}")
        elif time.monotonic() - self._said_at > max(_REPEAT_SECONDS, _REPEAT_SHARE * self._lasted):
            self._said_at = time.monotonic()
            self.note(what)

    def done(self, what: str) -> None:
        """The phase has ended, and how; does nothing between phases."""
        if self._phase:
            start = "\r\x1b[K" if self._stream.isatty() else ""
            self._say(f"{start}{self._line(what)}\n")
            self._phase = ""

    def note(self, text: str) -> None:
        """A line of its own."""
        start = "\r\x1b[K" if self._stream.isatty() else ""
        self._say(f"{start}             {text}\n")

    def _say(self, text: str) -> None:
        # A terminal that was closed, or a reader that has gone, keeps nothing from being put back.
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()

    def _line(self, what: str) -> str:
        return f"{self._phase:<10}{durations.clock(self._lasted):>7}  {what}"

    @property
    def _lasted(self) -> float:
        """Seconds since the phase began."""
        return time.monotonic() - self._phase_began
