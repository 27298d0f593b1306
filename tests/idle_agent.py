"""An agent that does nothing but say so: to try how agents are started and stopped."""

from chaos.agents.job import Job


def run(job: Job) -> None:
    """Say `says` every tenth of a second, or once if it `falls_silent`; RuntimeError if it `fails`."""
    if reason := job.arguments.get("fails"):
        raise RuntimeError(reason)
    job.report(True, job.arguments["says"])
    while not job.wait(0.1):
        if not job.arguments.get("falls_silent"):
            job.report(True, job.arguments["says"])
