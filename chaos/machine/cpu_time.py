"""How much CPU time processes, and this machine as a whole, have taken."""

import contextlib
from collections.abc import Iterable

import psutil


def of_processes(pids: Iterable[int]) -> dict[int, float]:
    """Seconds that each has taken since it began, all its threads together; one that has ended is left out."""
    found = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            found[pid] = times.user + times.system
    return found


def of_machine() -> float:
    """Seconds that all cores together were busy since this machine began; what a hypervisor took from it is not."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)
