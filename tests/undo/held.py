"""Faults held by a runner of their own, which is then killed, and what becomes of them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.control.of_target import control_of
from chaos.faults.hands import System
from chaos.machine.clock import SystemClock
from chaos.spec import target as targets
from chaos.undo.journal import PROVEN_WITHIN_SECONDS, UndoJournal
from chaos.undo.lease import DURATION_SECONDS, LeaseFile
from compose.settings import ROOT
from tests.undo import runner, samples
from tests.undo.leftovers import leftovers, unwell
from tests.waiting import until

HOLD = "60s"
UNDONE_WITHIN_SECONDS = DURATION_SECONDS + 8 + PROVEN_WITHIN_SECONDS
"""The lease runs out, the watchdog notices, and every proof has its time."""
_IN_PLACE_WITHIN_SECONDS = 60.0


@contextmanager
def held(stack, folder: Path, *kinds: str, target: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Have a runner hold these faults, all proven to be in place; it is gone afterwards.

    `target`: another target file of this stack.
    """
    faults = json.dumps([samples.written(kind, HOLD) for kind in kinds])
    of = str(target or stack.target)
    command = (sys.executable, "-m", "tests.undo.runner", of, f"held-{time.time_ns()}", faults)
    said = folder / "runner.log"
    with said.open("wb") as log:
        process = subprocess.Popen(command, env=stack.environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)

    def in_place():
        assert process.poll() is None, f"{', '.join(kinds)}: the runner ended:\n{said.read_text()}"
        return runner.IN_PLACE in said.read_text()

    try:
        until(in_place, _IN_PLACE_WITHIN_SECONDS)
        yield process
    finally:
        process.kill()
        process.wait()


def system(stack) -> System:
    """The stack as a fault sees it."""
    target = targets.read(stack.target)
    return System(target, control_of(target))


def await_undone(stack) -> float:
    """Wait until the watchdog has proven all undone, and look for what it should have; returns the seconds it took."""
    began = time.monotonic()
    journal, lease = UndoJournal(stack.settings.state), LeaseFile(stack.settings.state, SystemClock())
    until(lambda: lease.live() is None and not journal.open(), UNDONE_WITHIN_SECONDS)
    took = time.monotonic() - began
    left = leftovers(stack)
    assert not left, left
    # What was undone serves again at once; what was beside it may have to notice that.
    until(lambda: not unwell(stack))
    return took
