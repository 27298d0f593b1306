"""One agent's process: `python -m chaos.agents FOLDER NAME`, until SIGTERM or until its time is up.

What it is to do is in its job file: a command line is read by every user of the machine.
"""

import argparse
import importlib
import signal
from pathlib import Path

import msgspec

from chaos.agents.job import Job, Place, Task


def main() -> None:
    """Run the module that the job file names."""
    parser = argparse.ArgumentParser(prog="python -m chaos.agents", description=__doc__)
    parser.add_argument("folder", type=Path, help="where its job file and all its others are")
    parser.add_argument("name", help="what they are called")
    options = parser.parse_args()
    place = Place(options.folder, options.name)
    task = msgspec.json.decode(place.job.read_bytes(), type=Task)
    # Whatever hangs and whoever is dead, the kernel ends this process: SIGALRM's default action, no handler of ours.
    signal.setitimer(signal.ITIMER_REAL, task.longest)
    job = Job(place, task.arguments)
    job.announce()
    run = importlib.import_module(task.kind if "." in task.kind else f"chaos.agents.{task.kind}").run
    job.await_begin()
    run(job)


if __name__ == "__main__":
    main()
