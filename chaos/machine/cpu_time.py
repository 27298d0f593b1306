"""How much CPU processes have taken, to the nanosecond, as the kernel's scheduler counts it.

The usual counters of /proc/<pid>/stat go by ticks of 10 ms, which is the cost of thirty requests.
Source: https://docs.kernel.org/scheduler/sched-stats.html (/proc/<pid>/schedstat)
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import psutil


def seconds(pids: Iterable[int]) -> float:
    """That of all their threads that live, together; processes that have ended count for nothing.

    Raises OSError where the kernel does not count (CONFIG_SCHED_INFO).
    """
    Path("/proc/self/schedstat").read_text()
    return sum(_nanoseconds(Path(f"/proc/{pid}/task")) for pid in pids) / 1e9


def of_ended_children(pid: int) -> float:
    """What the children of a process took that have ended and that it has seen to end, in steps of 10 ms.

    Raises OSError where there is no such process.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def of_machine() -> float:
    """Seconds that all cores together were busy since this machine began; what a hypervisor took from it is not."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _nanoseconds(tasks: Path) -> int:
    total = 0
    # A thread, or the whole process, may end between two looks.
    with contextlib.suppress(OSError):
        for task in list(tasks.iterdir()):
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total
