"""The one seam for Ctrl-C, SIGTERM and SIGHUP: until a command listens they end it at once, then they are values.

The first ends a run and undoes it, a second skips waits, never the undo.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from chaos.errors import Interrupted
from chaos.machine.clock import Clock, SystemClock

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The signals that arrived since `listen`."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._arrived: list[int] = []
        self._event = threading.Event()
        self._promise = ""
        self._raises = False

    def listen(self, promise: str = "") -> None:
        """Take the signals over from now on; only in the main thread. Each is answered with `promise`."""
        self._promise = promise
        for number in _heard():
            signal.signal(number, self._note)

    @property
    def arrived(self) -> bool:
        """Whether the user asked at all."""
        return bool(self._arrived)

    @property
    def signals(self) -> tuple[int, ...]:
        """Those that arrived so far, in their order."""
        return tuple(self._arrived)

    def promise(self, text: str) -> None:
        """Each is answered with this from now on."""
        self._promise = text

    @property
    def in_a_hurry(self) -> bool:
        """Whether the user asked twice."""
        return len(self._arrived) > 1

    def wait(self, seconds: float) -> None:
        """Let this much time pass. Raises Interrupted at once when a signal arrives or has arrived."""
        self._clock.wait_unless(self._event, seconds)
        self.check()

    def check(self) -> None:
        """Raises Interrupted when a signal has arrived."""
        if self._arrived:
            raise Interrupted(self._arrived[0])

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Have a signal raise Interrupted wherever the block is, once: for work that its caller then takes back whole.

        Where something in the block swallows that, it is raised at the block's end. Later signals are only noted.
        """
        self._raises = True
        try:
            self.check()
            yield
            self.check()
        finally:
            self._raises = False

    def _note(self, number: int, _: FrameType | None) -> None:
        self._arrived.append(number)
        self._event.set()
        if self._promise:
            _say(f"{signal.Signals(number).name}: {self._promise}")
        if self._raises:
            self._raises = False
            raise Interrupted(number)


def end_at_once() -> None:
    """Until a command listens, a signal ends the process without a traceback, with 130 or 143: nothing was begun."""
    for number in _heard():
        signal.signal(number, _end)


def _heard() -> list[signal.Signals]:
    # Who was started by nohup outlives its terminal.
    hangup_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in _SIGNALS if number is not signal.SIGHUP or not hangup_ignored]


def _end(number: int, _: FrameType | None) -> None:
    code = 130 if number == signal.SIGINT else 143
    _say(f"interrupted (exit {code})")
    os._exit(code)


def _say(text: str) -> None:
    # Not by `print`: the signal may have come while that was writing. Whoever hung up reads nothing.
    with contextlib.suppress(OSError):
        os.write(2, f"stormdrill: {text}\n".encode())
