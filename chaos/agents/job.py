"""What an agent knows of its task, and how it tells how that goes."""

import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from chaos.machine.durable import replace
from chaos.machine.process_identity import of_pid

_BEGINS_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.02


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent last said of itself."""

    at: float
    """CLOCK_MONOTONIC, which all processes of a machine share."""
    acts: bool
    """Whether it does to the system what it is there for."""
    detail: str


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent is told to do."""

    kind: str
    """A module of this package, or the full name of another one."""
    longest: float
    """Seconds after which the kernel ends it."""
    arguments: dict[str, Any]
    """The module's own; connection strings with their passwords among them."""


class Place(msgspec.Struct, frozen=True):
    """The files of one agent in the stack's state folder."""

    folder: Path
    name: str

    @property
    def job(self) -> Path:
        """What it is to do: its task, for no other user to read."""
        return self.folder / f"{self.name}.job"

    @property
    def process(self) -> Path:
        """Who it is: pid and start time."""
        return self.folder / f"{self.name}.process"

    @property
    def status(self) -> Path:
        """What it last said."""
        return self.folder / f"{self.name}.status"

    @property
    def ended(self) -> Path:
        """There once it must not run any more, also for one that is only just starting."""
        return self.folder / f"{self.name}.ended"

    @property
    def may_begin(self) -> Path:
        """There once whoever undoes its fault knows who it is."""
        return self.folder / f"{self.name}.may_begin"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / f"{self.name}.log"


class Job:
    """One agent's task; to be made in its main thread."""

    def __init__(self, place: Place, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self._place = place
        self._stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    @property
    def stopped(self) -> bool:
        """Whether it shall end."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait this long, or less when it shall end; returns whether it shall."""
        return self._stop.wait(seconds)

    def announce(self) -> None:
        """Say who it is; ends the process when its fault was undone before it could."""
        replace(self._place.process, msgspec.json.encode(of_pid(os.getpid())), private=True)
        if self._place.ended.exists():
            raise SystemExit("undone before it began")

    def await_begin(self) -> None:
        """Wait until it may act, up to 10 s; ends the process when it may not."""
        deadline = time.monotonic() + _BEGINS_WITHIN_SECONDS
        while not self._place.may_begin.exists():
            if self.wait(_POLL_SECONDS) or time.monotonic() > deadline:
                raise SystemExit("nobody told it to begin")

    def report(self, acts: bool, detail: str) -> None:
        """Say how it goes; to be repeated at least every second while it acts.

        What it said is worth nothing after a crash of the machine, so it does not wait for the disk: an agent that
        sends requests would send none meanwhile.
        """
        said = msgspec.json.encode(Status(time.monotonic(), acts, detail))
        replace(self._place.status, said, durable=False, private=True)

    def _on_signal(self, _: int, __: FrameType | None) -> None:
        self._stop.set()
