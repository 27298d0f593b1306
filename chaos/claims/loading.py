"""Starts the process that asks, and reads what it saw."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from chaos.errors import SignalUnavailable
from chaos.facts.claims.facts import LoadSeen
from chaos.load.open_loop.job import Job
from chaos.machine.interrupts import Interrupts
from chaos.machine.process_identity import is_alive, spawn, stop
from chaos.spec.claims import profile
from chaos.spec.values import encode

_POLL_SECONDS = 0.02
_BEGINS_WITHIN_SECONDS = 90.0
"""Opening thousands of connections included."""
_BESIDE_SECONDS = 15.0
_ENDS_WITHIN = timedelta(seconds=3)


class Loading:
    """One load that is under way."""

    def __init__(self, folder: Path, job: Job, interrupts: Interrupts) -> None:
        """Starts it. `folder` gets its files, numbered."""
        self._interrupts = interrupts
        self._job = job
        number = len(list(folder.glob("load-*.json")))
        self._log, self._out = folder / f"load-{number}.log", folder / f"load-{number}.out"
        told = folder / f"load-{number}.json"
        told.write_bytes(msgspec.json.encode(job, enc_hook=encode))
        self._process = spawn("chaos.load.open_loop", [str(told), str(self._out)], self._log)

    def begun(self) -> float:
        """Wait until its connections are open: when its first request is due, on the monotonic clock.

        Raises SignalUnavailable after 90 s, or where it ended instead; Interrupted.
        """
        deadline = time.monotonic() + _BEGINS_WITHIN_SECONDS
        while not (lines := self._lines()):
            if not is_alive(self._process) or time.monotonic() > deadline:
                raise SignalUnavailable(f"the load did not begin: {self._said()}")
            self._interrupts.wait(_POLL_SECONDS)
        return float(lines[0]["began"])

    def seen(self) -> list[LoadSeen]:
        """Wait for its end: what was seen in each stage. Raises SignalUnavailable, Interrupted."""
        longest = profile.seconds(self._job.profile) + self._job.timeout_seconds + _BESIDE_SECONDS
        deadline = self.begun() + longest
        while is_alive(self._process):
            if time.monotonic() > deadline:
                raise SignalUnavailable(f"the load did not end: {self._said()}")
            self._interrupts.wait(_POLL_SECONDS)
        lines = self._lines()
        if lines[-1] != {"ended": len(self._job.profile)}:
            raise SignalUnavailable(f"the load did not end in order: {self._said()}")
        return [msgspec.convert(line, LoadSeen) for line in lines[1:-1]]

    def end(self) -> None:
        """See to it that it is gone; safe to repeat."""
        stop(self._process, _ENDS_WITHIN)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def _lines(self) -> list[dict[str, Any]]:
        try:
            whole = self._out.read_bytes().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line) for line in whole.splitlines()]

    def _said(self) -> str:
        return self._log.read_text()[-1000:].strip() or "its log is empty"
