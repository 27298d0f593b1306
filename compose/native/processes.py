"""Finds and ends exactly the processes of one stack, also when its process manager is gone.

Two marks tell a process as ours: the ledger that launch.sh writes (pid and start time, which no later
process shares), and the environment variable OWNED_BY, which children that were born later inherit.
"""

import contextlib
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

OWNED_BY = "STORMDRILL_OWNED_BY"
_LEDGER = "processes"
_BECOMES_WITHIN_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 0.01


def ours(state: Path) -> list[psutil.Process]:
    """Every live process of the stack in this state folder, zombies left out."""
    launched = _launched(state)
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if _start_ticks(process.pid) == launched.get(process.pid, -1) or _marked(process, state):
                # Postgres's and Redis's children overwrite their environment: found by descent.
                for one in (process, *process.children(recursive=True)):
                    found[one.pid] = one
    return list(found.values())


def end(processes: Iterable[psutil.Process], patience_seconds: float = 1.0) -> None:
    """Ask them to end, then kill what is left, and wait until they are gone.

    Raises TimeoutError naming what survived SIGKILL for 5 s (a process stuck in the kernel).
    """
    left = list(processes)
    for number, patience in ((signal.SIGTERM, patience_seconds), (signal.SIGKILL, 5.0)):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)  # psutil compares start times first: never a stranger with the same pid
        _, left = psutil.wait_procs(left, timeout=patience)
    if left:
        raise TimeoutError(f"could not be ended: {', '.join(str(process.pid) for process in left)}")


def wait_gone(state: Path, deadline: float) -> bool:
    """Wait until the stack has no process left; False when the monotonic `deadline` came first."""
    while ours(state):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def begin_ledger(state: Path) -> None:
    """Begin the ledger of a new stack, valid until the machine boots again."""
    (state / _LEDGER).write_text(f"boot {_boot_id()}\n")


def _launched(state: Path) -> dict[int, int]:
    try:
        boot, *lines = (state / _LEDGER).read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return {}
    # Start times count from the boot: after another one, the same pair may be a stranger.
    if boot != f"boot {_boot_id()}":
        return {}
    rows = [line.split() for line in lines]
    return {int(row[0]): int(row[1]) for row in rows if len(row) == 3}


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_ticks(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])
    return -2


def _marked(process: psutil.Process, state: Path) -> bool:
    return f"{OWNED_BY}={state}".encode() in _environment(process.pid).split(b"\0")


def _environment(pid: int) -> bytes:
    """As it was given. One that is just becoming another program shows neither that nor its arguments for a moment.

    On a busy machine it may be kept from its turn in the middle of that, and is looked at again until it has become it.
    """
    give_up_at = time.monotonic() + _BECOMES_WITHIN_SECONDS
    with contextlib.suppress(OSError):
        while time.monotonic() < give_up_at:
            if found := Path(f"/proc/{pid}/environ").read_bytes():
                return found
            Path(f"/proc/{pid}/exe").readlink()  # the kernel's own have no program, and never have an environment
            if Path(f"/proc/{pid}/cmdline").read_bytes():
                # It was given none, or has become it between the two looks.
                return Path(f"/proc/{pid}/environ").read_bytes()
            time.sleep(_LOOK_AGAIN_SECONDS)
    return b""
