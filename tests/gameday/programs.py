"""A program of ours while it runs: what it prints is kept, each wait says for what, and it leaves nothing broken."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from chaos.facts.files import FACTS_FILE
from chaos.facts.game import Acted, Ready
from chaos.gameday import ending, sealing
from chaos.gameday.sealing import SEALED_FOLDER
from chaos.gameday.table import Table
from chaos.machine.clock import SystemClock
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import LeaseFile
from tests.undo.held import UNDONE_WITHIN_SECONDS

T = TypeVar("T")

BEGINS_WITHIN_SECONDS = 60.0
READY_WITHIN_SECONDS = 180.0
"""Prometheus starts anew, and a baseline that a busy machine disturbs is watched three times."""
IN_PLACE_WITHIN_SECONDS = 60.0
ACTED_WITHIN_SECONDS = 45.0
"""An action has 20 s, and a repair is proven within 20."""
ENDS_WITHIN_SECONDS = 90.0
_LOOK_SECONDS = 0.25


class Program:
    """One `stormdrill …` whose newest run is in `folder`."""

    def __init__(self, stack, *arguments: str | Path) -> None:
        self.stack = stack
        self._latest = stack.settings.runs / "latest"
        self._before = self._latest.resolve()
        self.began = time.time()
        """Unix time."""
        self.process = stack.start(*arguments)
        self._lines: list[str] = []
        self._reader = threading.Thread(target=lambda: self._lines.extend(self.process.stdout), daemon=True)
        self._reader.start()

    @property
    def said(self) -> str:
        """All that it has printed so far; whole once it has ended."""
        return "".join(self._lines)

    @property
    def folder(self) -> Path:
        """Its run's, waited for."""
        self.wait(lambda: self._latest.resolve() != self._before, BEGINS_WITHIN_SECONDS, "its run to begin")
        return self._latest.resolve()

    def wait(self, look: Callable[[], T], seconds: float, what: str) -> T:
        """The first true answer; fails with what it printed when there is none in time, or it ends without one."""
        give_up_at = time.monotonic() + seconds
        while not (found := look()):
            ended = self.process.poll() is not None
            if ended and not (found := look()):
                pytest.fail(f"it ended with {self.process.returncode} before there was {what}:\n{self._all_it_said()}")
            if ended:
                break
            if time.monotonic() > give_up_at:
                pytest.fail(f"waited {seconds:g} s in vain for {what}; so far it printed:\n{self.said}")
            time.sleep(_LOOK_SECONDS)
        return found

    def wait_for_end(self, seconds: float) -> int:
        """Its exit code."""
        self.wait(lambda: self.process.poll() is not None, seconds, "its end")
        self._all_it_said()
        return self.process.returncode

    def facts(self, kind: str) -> list[dict]:
        """The facts of one kind that were recorded so far, sealed or not."""
        for folder in (self.folder / SEALED_FOLDER, self.folder):
            with contextlib.suppress(FileNotFoundError):  # not yet, or just laid open
                # The last line may be half written.
                lines = (folder / FACTS_FILE).read_bytes().rpartition(b"\n")[0].splitlines()
                read = (msgspec.json.decode(line) for line in lines if b'"%b"' % kind.encode() in line)
                return [fact for fact in read if fact["fact"] == kind]
        return []

    def end(self) -> None:
        """End it as Ctrl-C would, and wait until all is undone: the next test must not find what this one left."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._all_it_said()
        self.process.stdout.close()
        journal = UndoJournal(self.stack.settings.state)
        lease = LeaseFile(self.stack.settings.state, SystemClock())
        give_up_at = time.monotonic() + UNDONE_WITHIN_SECONDS
        while (left := journal.open()) or lease.live():
            if time.monotonic() > give_up_at:
                pytest.fail(f"not undone within {UNDONE_WITHIN_SECONDS:g} s: {[one.what for one in left]}; `make undo`")
            time.sleep(_LOOK_SECONDS)

    def _all_it_said(self) -> str:
        self._reader.join(10)
        return self.said


class Round(Program):
    """A game day's round."""

    table: Table
    ready: Ready

    def take_seats(self) -> None:
        """Wait until there is a table and everything is proven well."""
        folder = self.folder
        self.wait(lambda: ending.is_round(folder), BEGINS_WITHIN_SECONDS, "a table")
        self.table = Table(folder)
        [self.ready] = self.wait(lambda: self.table.all(Ready), READY_WITHIN_SECONDS, "everything to be proven well")
        assert sealing.is_played(folder), "it is sealed while it is played"

    @property
    def now(self) -> float:
        """Seconds since its run's start."""
        return self.table._now()

    def since(self, at: float) -> float:
        """Seconds from when the command was typed until this moment of its run."""
        return self.table.began.wall + at - self.began

    def await_faults(self, number: int) -> float:
        """Wait until so many faults are in place; when the last came, in seconds since its run's start."""

        def came():
            return [fact["at"] for kind in ("injected", "staged_injected") for fact in self.facts(kind)]

        self.wait(lambda: len(came()) == number, IN_PLACE_WITHIN_SECONDS, f"{number} faults to be in place")
        return max(came())

    def act(self, who: str, action: str) -> Acted:
        """Have something done, and wait for what becomes of it."""
        asked = self.table.ask(who, action).number

        def became():
            return [fact for fact in self.table.all(Acted) if fact.asked == asked]

        [acted] = self.wait(became, ACTED_WITHIN_SECONDS, f"an answer to `{action}`")
        return acted

    def debrief_after(self) -> float:
        """Seconds from the run's last fact until the debrief was there; once it has ended."""
        [ended] = self.facts("run_ended")
        return (self.folder / "debrief.html").stat().st_mtime - self.table.began.wall - ended["at"]


@contextmanager
def running(stack, *arguments: str | Path) -> Iterator[Program]:
    """Run a command; it is ended afterwards, and what it broke is undone."""
    yield from _ended(Program(stack, *arguments))


@contextmanager
def played(stack, *arguments: str | Path) -> Iterator[Round]:
    """Play a round; it is ended afterwards, and what it broke is undone."""
    yield from _ended(Round(stack, "gameday", *arguments))


def _ended(program):
    try:
        yield program
    finally:
        program.end()
