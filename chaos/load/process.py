"""What each load process does: it reads what it is told, has its users act, and writes its first fact and its last."""

import argparse
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.load.writer import LoadFacts
from chaos.spec import loads
from chaos.spec.load import LoadSettings
from chaos.spec.loads import AnyLoad, ShopLoad

_log = logging.getLogger("chaos.load")
_EPILOG = f"What its users do is told by ${loads.TOLD}: a target's `load`, as JSON."


@dataclass(frozen=True, slots=True)
class Told:
    """What one load is told, and where it writes what its users do and see."""

    load: AnyLoad
    url: str
    settings: LoadSettings
    facts: LoadFacts


def main(program: str, about: str | None, act: Callable[[Told], str]) -> int:
    """Read the command line and act, until SIGTERM or its time is up; `act` says which of them it was."""
    parser = _parser(program, about)
    options = vars(parser.parse_args())
    if loads.TOLD not in os.environ:
        parser.error(f"nobody has said what users do: ${loads.TOLD}")
    run_dir, base_url, origin = options.pop("run_dir"), options.pop("base_url"), options.pop("origin")
    load = loads.from_json(os.environ[loads.TOLD])
    settings = LoadSettings.from_fact(options)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # If all else hangs, the kernel ends this process: SIGALRM's default action, no handler of ours.
    signal.alarm(int((settings.max_duration + settings.drain).total_seconds()) + 10)
    facts = LoadFacts(run_dir, origin, ledgers=isinstance(load, ShopLoad))
    facts.start(settings.as_fact())
    reason = act(Told(load, base_url, settings, facts))
    facts.end(reason)
    _log.info("ended reason=%s", reason)
    return 0


def _parser(program: str, about: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about, epilog=_EPILOG)
    parser.add_argument("run_dir", type=Path, help="folder for load.ndjson and orders.ndjson")
    parser.add_argument("base_url", help="of the stack, as its users reach it")
    parser.add_argument("origin", type=float, help="the run's zero on CLOCK_MONOTONIC, in seconds")
    for name in LoadSettings().as_fact():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, required=True)
    return parser
