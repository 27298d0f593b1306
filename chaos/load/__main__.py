"""The load process: Locust without its command line and web pages, until SIGTERM or its time is up."""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path

import gevent  # type: ignore[import-untyped]  # it ships none
from gevent.event import AsyncResult  # type: ignore[import-untyped]
from locust.runners import Runner

from chaos.load.locustfile import LoadEnvironment, PacedUser, ShopUser
from chaos.load.path_user import path_user
from chaos.load.writer import LoadFacts
from chaos.spec import loads
from chaos.spec.load import LoadSettings
from chaos.spec.loads import AnyLoad, CommandLoad, PathsLoad, ShopLoad

log = logging.getLogger("chaos.load")

_EPILOG = f"What its users do is told by ${loads.TOLD}: a target's `load`, as JSON."


def main() -> int:
    parser = _parser()
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
    reason = _run(LoadEnvironment(base_url, settings, facts, _users(load, base_url)))
    facts.end(reason)
    log.info("ended reason=%s", reason)
    return 0


def _users(load: AnyLoad, base_url: str) -> type[PacedUser]:
    if isinstance(load, CommandLoad):
        raise ValueError("a program of the stack's own is no load of ours")
    return path_user(load, base_url) if isinstance(load, PathsLoad) else ShopUser


def _run(environment: LoadEnvironment) -> str:
    asked = AsyncResult()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, asked.set, signal.Signals(number).name)
    runner = environment.create_local_runner()
    # All users at once: each waits for its own first slot, which spreads them better than Locust's spawning, one
    # second's worth of users at a time.
    runner.spawn_users({user.__name__: environment.settings.users for user in environment.user_classes})
    ticks = gevent.spawn(_tick, environment, runner)
    reason = asked.wait(timeout=environment.settings.max_duration.total_seconds()) or "max_duration"
    environment.ending = True
    runner.quit()
    ticks.kill()
    return str(reason)


def _tick(environment: LoadEnvironment, runner: Runner) -> None:
    due = environment.began
    while True:
        # Seconds during which this process stood still get no tick: they are missing, as is their load.
        due += max(1.0, float(int(time.monotonic() - due)))
        gevent.sleep(due - time.monotonic())
        environment.facts.tick(due, runner.user_count)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos.load", description=__doc__, epilog=_EPILOG)
    parser.add_argument("run_dir", type=Path, help="folder for load.ndjson and orders.ndjson")
    parser.add_argument("base_url", help="of the stack, as its users reach it")
    parser.add_argument("origin", type=float, help="the run's zero on CLOCK_MONOTONIC, in seconds")
    for name in LoadSettings().as_fact():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
