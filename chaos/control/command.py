"""One command at a time: run without a terminal, ended when it takes too long, and never waited for by what it left."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaos.errors import SignalUnavailable


@dataclass(frozen=True, slots=True)
class Done:
    """A command that came to its end by itself."""

    code: int
    """As the shell counts it; below zero for the signal that ended it."""
    said: str
    complained: str

    @property
    def words(self) -> str:
        """How it ended, with the last line of what it said of that."""
        lines = (self.complained.strip() or self.said.strip()).splitlines()
        return f"exit {self.code}{': ' + lines[-1].strip() if lines else ''}"


def run(
    command: Sequence[str], seconds: float, what: str, folder: str = ".", environment: Mapping[str, str] | None = None
) -> Done:
    """Wait for its end, at most so long; then it is killed with all of its process group.

    Raises SignalUnavailable, which begins with `what`, when it cannot be started or takes longer.
    """
    # Files, not pipes: what a command leaves running would keep a pipe open, and us waiting. In memory, as an undo must
    # also be possible where nothing can be written.
    with os.fdopen(os.memfd_create("out"), "w+b") as out, os.fdopen(os.memfd_create("err"), "w+b") as err:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # a Ctrl-C must not end what it is starting
            )
        except OSError as error:
            raise SignalUnavailable(f"{what}: {error}") from error
        code = _wait(process, seconds, what)
        out.seek(0)
        err.seek(0)
        return Done(code, out.read().decode(errors="replace"), err.read().decode(errors="replace"))


def _wait(process: "subprocess.Popen[bytes]", seconds: float, what: str) -> int:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own, and is not waited for yet
        process.wait()
        raise SignalUnavailable(f"{what}: no end within {seconds:g} s") from error
