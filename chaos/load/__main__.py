"""The shop's load, a process: Locust without its command line and web pages, until SIGTERM or its time is up."""

import signal
import sys
import time

import gevent  # type: ignore[import-untyped]  # it ships none
from gevent.event import AsyncResult  # type: ignore[import-untyped]
from locust.runners import Runner

from chaos.load import process
from chaos.load.locustfile import LoadEnvironment, ShopUser
from chaos.load.process import Told
from chaos.spec.loads import ShopLoad


def main() -> int:
    return process.main("chaos.load", __doc__, _run)


def _run(told: Told) -> str:
    if not isinstance(told.load, ShopLoad):
        raise ValueError("only the shop's customers are Locust's")
    environment = LoadEnvironment(told.url, told.settings, told.facts, ShopUser)
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


if __name__ == "__main__":
    sys.exit(main())
