"""Lets a process run for a share of each period and stand still for the rest."""

import signal
import time

from chaos.agents.job import Job
from chaos.control.port import family, signal_all
from chaos.machine import process_identity
from chaos.machine.process_identity import Child

_LOOK_EVERY_SECONDS = 0.5
"""How often it looks for new children; looking costs some milliseconds."""


def run(job: Job) -> None:
    """Until the job is stopped, or the process is gone; leaves it running."""
    leader = Child(job.arguments["pid"], job.arguments["started"])
    share, period = job.arguments["share"], job.arguments["period_seconds"]
    members, looked, began, frozen = family(leader.pid), time.monotonic(), time.monotonic(), 0.0
    try:
        while process_identity.is_alive(leader):
            stood = time.monotonic()
            signal_all(members, signal.SIGSTOP)
            stopped = job.wait((1 - share) * period)
            signal_all(members, signal.SIGCONT)
            frozen += time.monotonic() - stood
            if stopped or job.wait(share * period):
                return
            if time.monotonic() - looked >= _LOOK_EVERY_SECONDS:
                ran = 1 - frozen / (time.monotonic() - began)
                # On a busy machine neither sleep is exact; half of what was meant is no longer what was meant.
                job.report(1 - ran >= (1 - share) / 2, f"it ran for {ran:.0%} of the time")
                members, looked = family(leader.pid), time.monotonic()
                began, frozen = time.monotonic(), 0.0
        job.report(False, f"the process {leader.pid} is gone")
    finally:
        signal_all(members, signal.SIGCONT)
