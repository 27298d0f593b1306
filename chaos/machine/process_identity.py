"""Child processes that outlive their parent: in a session of their own, known by pid, start time and boot."""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from chaos.machine.clock import this_boot

_POLL_SECONDS = 0.02
# What the kernel may need to end a process after SIGKILL.
_KILL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """All that anyone needs to stop it, from any process: keep it on disk."""

    pid: int
    # Field 22 of /proc/<pid>/stat, clock ticks since boot. Pids are used again, this pair is not until a reboot.
    started: int
    # The kernel's id of that boot; empty in records of earlier releases.
    boot: str = ""

    @property
    def pgid(self) -> int:
        """It leads a session and a process group of its own."""
        return self.pid


class Stopped(StrEnum):
    """How a stop went."""

    ENDED = "ended"
    KILLED = "killed"
    NOT_RUNNING = "was not running"


def spawn(
    module: str,
    arguments: Sequence[str],
    log: Path,
    without: Collection[str] = (),
    told: Mapping[str, str] = MappingProxyType({}),
) -> Child:
    """Start `python -m module` and return at once; what it prints is appended to `log`.

    It has our environment, but for what it is to be `without`, and the variables by which it is `told` something.
    """
    command = [sys.executable, "-m", module, *arguments]
    return spawn_command(command, log, {"PYTHONPATH": _import_path(), **told}, without)


def spawn_command(
    command: Sequence[str], log: Path, environment: Mapping[str, str], without: Collection[str] = ()
) -> Child:
    """Start a program by its path, with this added to our environment; otherwise as `spawn`. OSError if it cannot."""
    inherited = {name: value for name, value in os.environ.items() if name not in without}
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        list(command),
        {**inherited, **environment},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), log_flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,  # out of reach of the terminal's Ctrl-C
        # An ignored or blocked signal is inherited, and the child must hear SIGTERM.
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGALRM],
    )
    # Our own child: until we wait for it, its pid cannot be used again, so this is its start time.
    return of_pid(pid)


def of_pid(pid: int) -> Child:
    """The process that has this pid now. OSError if there is none."""
    return Child(pid, _stat(pid)[1], this_boot())


def age_seconds(process: Child) -> float:
    """For how long it has been there."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - process.started / os.sysconf("SC_CLK_TCK")


def is_alive(process: Child) -> bool:
    """Whether this very process runs: a stranger with the same pid is not it, a zombie is dead. Raises OSError."""
    if process.boot and process.boot != this_boot():
        return False
    try:
        state, started = _stat(process.pid)
    except (FileNotFoundError, ProcessLookupError):
        return False  # and whatever else keeps us from looking is no sign of its end
    if started != process.started:
        return False
    if state not in "ZX":
        return True
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)  # no zombie is left where the caller is its parent
    return False


def ended_within(process: Child, seconds: float) -> bool:
    """Wait for its end, this long at most; returns whether it has ended."""
    try:
        # The kernel says when it ends: nothing is looked for again and again, and no end is overlooked.
        watched = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return not is_alive(process)
    except OSError:
        # A sandbox that knows no pidfd: what is to be ended must end all the same.
        return _seen_to_end(process, seconds)
    try:
        if is_alive(process):
            ending = select.poll()
            ending.register(watched, select.POLLIN)
            ending.poll(seconds * 1000)
    finally:
        os.close(watched)
    return not is_alive(process)


def _seen_to_end(process: Child, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while (alive := is_alive(process)) and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
    return not alive


def namespace() -> str:
    """Whose pids ours are: in another container the same pid is another process. Empty where the kernel has none."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  # what it is called, not where it leads
    return ""


def exists(pid: int) -> bool:
    """Whether there is a process with this pid, whoever it is."""
    return Path(f"/proc/{pid}").exists()


def end(process: Child, seconds: float) -> bool:
    """Have the kernel end it at once, this one process and no other; returns whether it was seen dead within.

    It may be a process that leads no group of its own. Ourselves we do not end.
    """
    if not is_alive(process):
        return True
    if process.pid == os.getpid():
        return False
    try:
        watched = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return not is_alive(process)
    except OSError:
        if is_alive(process):  # a sandbox that knows no pidfd
            os.kill(process.pid, signal.SIGKILL)
        return _seen_to_end(process, seconds)
    try:
        # It is the one that is meant as long as the descriptor is open and its start is what it was.
        if is_alive(process):
            signal.pidfd_send_signal(watched, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it may end all the same
    finally:
        os.close(watched)
    return ended_within(process, seconds)


def stop(process: Child, deadline: timedelta) -> Stopped:
    """End it; safe to repeat, and from any process that knows which it is.

    Asks by SIGTERM; after `deadline` its whole process group is killed. TimeoutError if even that did not end it
    within 5 s.
    """
    if not is_alive(process):
        return Stopped.NOT_RUNNING
    for number, patience_seconds, outcome in (
        (signal.SIGTERM, deadline.total_seconds(), Stopped.ENDED),
        (signal.SIGKILL, _KILL_SECONDS, Stopped.KILLED),
    ):
        _signal_group(process, number)
        if ended_within(process, patience_seconds):
            return outcome
    raise TimeoutError(f"process {process.pid} did not end within {_KILL_SECONDS:g} s of SIGKILL")


def _signal_group(process: Child, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may end in between
        # The last look before the signal. A record that names a process without a group of its own is not ours.
        if is_alive(process) and os.getpgid(process.pid) == process.pgid:
            os.killpg(process.pgid, number)


def _stat(pid: int) -> tuple[str, int]:
    """State and start time of a process. OSError if there is none."""
    # The name of the program, in parentheses, may itself hold spaces and parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[19])


def _import_path() -> str:
    """Where this package is imported from, so that the child finds it from any working directory."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
