"""One agent's process: `python -m chaos.agents KIND ...`, until SIGTERM or until its time is up."""

import argparse
import importlib
import json
import signal
from pathlib import Path

from chaos.agents.job import Job, Place


def main() -> None:
    """Run the module of this kind."""
    parser = argparse.ArgumentParser(prog="python -m chaos.agents", description=__doc__)
    parser.add_argument("kind", help="a module of this package, or the full name of another one")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--longest", type=float, required=True, help="seconds after which the kernel ends it")
    parser.add_argument("--arguments", type=json.loads, required=True)
    options = parser.parse_args()
    # Whatever hangs and whoever is dead, the kernel ends this process: SIGALRM's default action, no handler of ours.
    signal.setitimer(signal.ITIMER_REAL, options.longest)
    job = Job(Place(options.folder, options.name), options.arguments)
    job.announce()
    module = options.kind if "." in options.kind else f"chaos.agents.{options.kind}"
    run = importlib.import_module(module).run
    job.await_begin()
    run(job)


if __name__ == "__main__":
    main()
