"""Runs a command to its end, out of the terminal's reach: what is half done is ended by whoever began it, and whole."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from compose.interrupts import NEVER, Interrupts

WITHIN_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.1
_END_SECONDS = 5.0


def run(
    argv: tuple[str, ...],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    told: str = "",
    within_seconds: float = WITHIN_SECONDS,
    interrupts: Interrupts = NEVER,
) -> str:
    """Run a command to its end and give what it printed; `told` is its standard input.

    Raises CalledProcessError, and TimeoutExpired.

    Whatever ends the wait, a signal too, ends the command with all that it started, and is raised when they are gone.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=cwd,
        env=os.environ | dict(env or {}),
        start_new_session=True,
    )
    try:
        said, complained = _outcome(process, told, within_seconds, interrupts)
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv, said, complained)
    return said


def _outcome(process: "subprocess.Popen[str]", told: str, seconds: float, interrupts: Interrupts) -> tuple[str, str]:
    first: str | None = told
    deadline = time.monotonic() + seconds
    while True:
        try:
            return process.communicate(first, timeout=_LOOK_EVERY_SECONDS)
        except subprocess.TimeoutExpired as late:
            first = None  # what is left of it is remembered
            interrupts.check()
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(process.args, seconds) from late


def _end(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        # It leads a group of its own, whose number is not used again while one of them lives or it is not waited for.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_END_SECONDS)
            return
