"""Computes for the sake of computing."""

import os
import signal
import time

import psutil

from chaos.agents.job import Job

_REPORT_EVERY_SECONDS = 0.5
_ROUNDS = 200_000
"""About 10 ms between two looks whether the parent is still there."""
_LEAST_CORES = 0.05


def run(job: Job) -> None:
    """Until the job is stopped."""
    hogs = [psutil.Process(_hog()) for _ in range(job.arguments["processes"])]
    used, since = _cpu_seconds(hogs), time.monotonic()
    try:
        while not job.wait(_REPORT_EVERY_SECONDS):
            now_used, now = _cpu_seconds(hogs), time.monotonic()
            cores = (now_used - used) / (now - since)
            job.report(cores > _LEAST_CORES, f"{len(hogs)} processes took {cores:.1f} cores")
            used, since = now_used, now
    finally:
        for hog in hogs:
            hog.kill()


def _hog() -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    # The agent's handlers and its end by the clock are not the child's: it goes when the agent does.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while os.getppid() == parent:
        for _ in range(_ROUNDS):
            pass
    os._exit(0)


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))
