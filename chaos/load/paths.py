"""The load of a stack that is not ours, a process: users that send what its target file says, until SIGTERM.

It needs neither Locust nor gevent, so that an installed package has it.
"""

import asyncio
import signal
import sys
import time

from chaos.load import process
from chaos.load.pacing import Slots
from chaos.load.path_user import PathUser, asking
from chaos.load.process import Told
from chaos.load.writer import LoadFacts
from chaos.spec.loads import PathsLoad


def main() -> int:
    return process.main("chaos.load.paths", __doc__, lambda told: asyncio.run(_run(told)))


async def _run(told: Told) -> str:
    if not isinstance(told.load, PathsLoad):
        raise ValueError("only what a target's `paths` say is asked for here")
    common, settings, ending, asked = asking(told.load, told.url), told.settings, asyncio.Event(), asyncio.Queue[str]()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.put_nowait, signal.Signals(number).name)
    began, patience = time.monotonic(), settings.timeout.total_seconds()
    # A user that ends with a defect of ours ends the process, without the line that says that it ended in order.
    async with asyncio.TaskGroup() as group:
        users = []
        for number in range(settings.users):
            # Shifted by its number, so that arrivals are spread evenly from the first second.
            slots = Slots(began + number / settings.rate_per_second, settings.user_interval_seconds)
            users.append(group.create_task(PathUser(common).live(told.facts, slots, patience, ending)))
        ticks = group.create_task(_tick(told.facts, began, len(users)))
        try:
            reason = await asyncio.wait_for(asked.get(), settings.max_duration.total_seconds())
        except TimeoutError:
            reason = "max_duration"
        ending.set()
        _, left = await asyncio.wait(users, timeout=settings.drain.total_seconds())
        for one in (*left, ticks):
            one.cancel()
    return reason


async def _tick(facts: LoadFacts, began: float, users: int) -> None:
    due = began
    while True:
        # Seconds during which this process stood still get no tick: they are missing, as is their load.
        due += max(1.0, float(int(time.monotonic() - due)))
        await asyncio.sleep(due - time.monotonic())
        facts.tick(due, users)


if __name__ == "__main__":
    sys.exit(main())
