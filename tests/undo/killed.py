"""Whole runs that end badly: the runner gets SIGKILL in a phase, or what the undo needs does not answer."""

import os
import signal
from pathlib import Path

import yaml

from tests.e2e.conftest import Runs, wait_until
from tests.undo import samples

PHASES = ("preflight", "warm-up", "baseline", "inject", "hold", "undo", "recover", "collect")
_BEGINS_WITHIN_SECONDS = 90


def killed_in(phase: str, stack, folder: Path, kind: str) -> Path:
    """Run a sample of this fault and kill the runner in this phase; returns the run's folder."""
    file = folder / f"{kind}.yaml"
    file.write_text(yaml.safe_dump(samples.experiment(kind, "2s")))
    runs = Runs(stack.settings.runs)
    known = runs.known()
    process = stack.start("run", file, "--target", stack.target)
    try:
        run = runs.new(known)

        def has_begun():
            began = any(fact["phase"] == phase for fact in runs.facts(run, "phase_began"))
            assert began or process.poll() is None, f"it ended before {phase}:\n{process.communicate()[0]}"
            return began

        wait_until(has_begun, _BEGINS_WITHIN_SECONDS, f"{kind} to come to {phase}")
    finally:
        process.kill()
        process.communicate()
    return run


def cannot_undo(needed: int, stack, folder: Path, kind: str) -> tuple[int, str, Path]:
    """Run a sample of this fault, with the process that its undo needs frozen from the hold until the run's end.

    Returns exit code, output and the run's folder.
    """
    file = folder / f"{kind}.yaml"
    file.write_text(yaml.safe_dump(samples.experiment(kind, "4s")))
    runs = Runs(stack.settings.runs)
    known = runs.known()
    process = stack.start("run", file, "--target", stack.target)
    try:
        run = runs.new(known)
        runs.wait_injected(run)
        wait_until(lambda: any(fact["phase"] == "hold" for fact in runs.facts(run, "phase_began")), 15, "the hold")
        os.kill(needed, signal.SIGSTOP)
        output, _ = process.communicate(timeout=120)
    finally:
        os.kill(needed, signal.SIGCONT)
        process.kill()
        process.communicate()
    return process.returncode, output, run
