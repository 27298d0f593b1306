"""What a Docker engine of the tests' own was waiting for when a test failed: it may hang, and is gone afterwards."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

_DUMPED_WITHIN_SECONDS = 10
_BRIDGES = re.compile(r"veth|br-|entered|eth\d|left ")


def report(folder: Path) -> str:
    """The engine's calls that wait for minutes, processes that the kernel keeps, and what the kernel said.

    `folder` is the engine's. Waits for the dumps of dockerd and containerd, ten seconds at most each.
    """
    return "\n\n".join(
        (
            _waiting("dockerd", folder / "dockerd.pid", folder / "exec"),
            _waiting("containerd", folder / "exec/containerd/containerd.pid", Path("/tmp")),
            "processes that the kernel keeps:\n" + ("\n".join(_kept()) or "none"),
            "the kernel said last:\n" + "\n".join(_kernel()[-20:]),
        )
    )


def _waiting(name: str, pid_file: Path, dumps: Path) -> str:
    """The goroutines of this program that have waited for minutes; it dumps them all when it gets SIGUSR1."""
    try:
        pid = int(pid_file.read_text())
        before = set(dumps.glob("*stacks*.log"))
        os.kill(pid, signal.SIGUSR1)
    except (OSError, ValueError) as error:
        return f"{name}: {error}"
    deadline = time.monotonic() + _DUMPED_WITHIN_SECONDS
    while not (new := set(dumps.glob("*stacks*.log")) - before):
        if time.monotonic() > deadline:
            return f"{name} dumped nothing"
        time.sleep(0.1)
    (dump,) = sorted(new)[-1:]
    # It may still be writing.
    time.sleep(1)
    routines = dump.read_text().split("\n\n")
    dump.unlink()
    long = [each for each in routines if re.match(r"goroutine \d+ \[[^\]]*minutes", each)]
    return f"{name}, goroutines that have waited for minutes:\n" + ("\n\n".join(long) or "none")


def _kept() -> list[str]:
    """Processes that no signal ends, and where in the kernel they are; and those that nobody has waited for."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state in "DZ":
                name, where = (entry / "comm").read_text().strip(), (entry / "stack").read_text()
                found.append(f"{state} {entry.name} {name} {where}")
        except OSError:
            continue
    return found


def _kernel() -> list[str]:
    said = subprocess.run(("dmesg",), capture_output=True, text=True, timeout=10, check=False).stdout
    return [line for line in said.splitlines() if not _BRIDGES.search(line)]
