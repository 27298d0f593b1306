"""Starts and stops the load: a process in a session of its own, known by pid and start time."""

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from chaos.load.facts import LEDGER_FILE, LOAD_FILE
from chaos.load.samples import read
from chaos.load.settings import LoadSettings

LOG_FILE = "load.log"
POLL_SECONDS = 0.02
# What the kernel may need to end a process after SIGKILL.
KILL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LoadProcess:
    """All that anyone needs to stop the load, from any process: keep it in the undo record."""

    pid: int
    # Field 22 of /proc/<pid>/stat, clock ticks since boot. Pids are used again, this pair is not until a reboot.
    started: int

    @property
    def pgid(self) -> int:
        """It leads a session and a process group of its own."""
        return self.pid


class Stopped(StrEnum):
    """How a stop went."""

    ENDED = "ended"
    KILLED = "killed"
    NOT_RUNNING = "was not running"


class LoadNotStarted(Exception):
    """The load process sent no request in time, or ended before it did."""

    def __init__(self, process: LoadProcess, reason: str, log: str) -> None:
        super().__init__(f"load process {process.pid} {reason}: {log or 'its log is empty'}")
        self.process = process
        self.log = log


def start(run_dir: Path, base_url: str, settings: LoadSettings, origin: float) -> LoadProcess:
    """Start the load and return at once; its first request leaves about a second later.

    `origin` is the run's zero on the monotonic clock, which all processes of a machine share. FileExistsError if
    the run already has a load: its facts are never mixed with another's.
    """
    for name in (LOAD_FILE, LEDGER_FILE):
        if (run_dir / name).exists():
            raise FileExistsError(f"{run_dir / name}: this run already has a load")
    command = [sys.executable, "-m", "chaos.load", str(run_dir.resolve()), base_url, repr(origin)]
    command += [f"--{name.replace('_', '-')}={value!r}" for name, value in settings.as_fact().items()]
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        sys.executable,
        command,
        os.environ | {"PYTHONPATH": _import_path()},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(run_dir / LOG_FILE), log_flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,  # out of reach of the terminal's Ctrl-C
        # An ignored or blocked signal is inherited, and the load must hear SIGTERM.
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGALRM],
    )
    # Our own child: until we wait for it, its pid cannot be used again, so this is its start time.
    return LoadProcess(pid, _stat(pid)[1])


def await_first_request(process: LoadProcess, run_dir: Path, deadline: timedelta) -> float:
    """Wait until a request has ended, well or badly; return its start in seconds since the run's origin.

    LoadNotStarted, with the end of the load's log, once `deadline` has passed or the process has ended without one.
    """
    ends = time.monotonic() + deadline.total_seconds()
    while True:
        alive = is_alive(process)
        requests = read(run_dir / LOAD_FILE).requests if (run_dir / LOAD_FILE).exists() else ()
        if requests:
            return min(request.at for request in requests)
        if not alive or time.monotonic() > ends:
            reason = "sent no request in time" if alive else "ended before its first request"
            raise LoadNotStarted(process, reason, (run_dir / LOG_FILE).read_text()[-2000:])
        time.sleep(POLL_SECONDS)


def is_alive(process: LoadProcess) -> bool:
    """Whether this very process runs: a stranger with the same pid is not it, a zombie is dead."""
    try:
        state, started = _stat(process.pid)
    except OSError:
        return False
    if started != process.started:
        return False
    if state not in "ZX":
        return True
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)  # no zombie is left where the caller is its parent
    return False


def stop(process: LoadProcess, deadline: timedelta) -> Stopped:
    """End the load; safe to repeat, and from any process that has the pair of pid and start time.

    Asks it to end: it starts no more requests, waits for those in flight (`drain`, so give it a `deadline` above
    that), writes its end line. After `deadline` its whole process group is killed. TimeoutError if even that did not
    end it within 5 s.
    """
    if not is_alive(process):
        return Stopped.NOT_RUNNING
    for number, patience_seconds, outcome in (
        (signal.SIGTERM, deadline.total_seconds(), Stopped.ENDED),
        (signal.SIGKILL, KILL_SECONDS, Stopped.KILLED),
    ):
        _signal_group(process, number)
        if _ended_within(process, patience_seconds):
            return outcome
    raise TimeoutError(f"load process {process.pid} did not end within {KILL_SECONDS:g} s of SIGKILL")


def _signal_group(process: LoadProcess, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may end in between
        # The last look before the signal. A record that names a process without a group of its own is not ours.
        if is_alive(process) and os.getpgid(process.pid) == process.pgid:
            os.killpg(process.pgid, number)


def _ended_within(process: LoadProcess, patience_seconds: float) -> bool:
    ends = time.monotonic() + patience_seconds
    while is_alive(process):
        if time.monotonic() > ends:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _stat(pid: int) -> tuple[str, int]:
    """State and start time of a process. OSError if there is none."""
    # The name of the program, in parentheses, may itself hold spaces and parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[19])


def _import_path() -> str:
    """Where this package is imported from, so that the child finds it from any working directory."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
