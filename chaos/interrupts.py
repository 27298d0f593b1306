"""Ctrl-C and SIGTERM as a value: the first ends the run and undoes it, a second skips waits, never the undo."""

import signal
import threading
from types import FrameType

from chaos.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The signals that arrived since `listen`."""

    def __init__(self) -> None:
        self._arrived: list[int] = []
        self._event = threading.Event()

    def listen(self) -> None:
        """Take the signals over from now on; only in the main thread."""
        for number in _SIGNALS:
            signal.signal(number, self._note)

    @property
    def arrived(self) -> bool:
        """Whether the user asked at all."""
        return bool(self._arrived)

    @property
    def in_a_hurry(self) -> bool:
        """Whether the user asked twice."""
        return len(self._arrived) > 1

    def wait(self, seconds: float) -> None:
        """Let this much time pass. Raises Interrupted at once when a signal arrives or has arrived."""
        self._event.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raises Interrupted when a signal has arrived."""
        if self._arrived:
            raise Interrupted(self._arrived[0])

    def _note(self, number: int, _: FrameType | None) -> None:
        self._arrived.append(number)
        self._event.set()
