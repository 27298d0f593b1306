"""More readers of the same products, at a fixed rate however slow the answers are, beside those that are measured."""

import asyncio
import itertools
from collections import deque

from chaos.agents.http_users import Counts, User, every, run_until_ended
from chaos.agents.job import Job
from chaos.agents.read_paths import path

_TURNS_PER_SECOND = 50
_REPORT_EVERY_SECONDS = 0.5
_WINDOW_SECONDS = 2.0
_HELD = 0.8
"""The share of its rate below which it is no surge of that size."""


class Surge:
    """One surge."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._rate = float(job.arguments["rate_per_second"])
        self._at_most = int(job.arguments["at_most"])
        self._reads = job.arguments["reads"]
        self._address = job.arguments["address"]
        self._counts = Counts()
        self._left_out = 0
        self._idle: deque[User] = deque()
        self._users = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = itertools.count(1)
        self._asked: deque[int] = deque([0], maxlen=int(_WINDOW_SECONDS / _REPORT_EVERY_SECONDS) + 1)
        self._due = 0

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(every(1 / _TURNS_PER_SECOND, self._turn), every(_REPORT_EVERY_SECONDS, self._report))

    def _turn(self) -> None:
        due = round(next(self._turns) * self._rate / _TURNS_PER_SECOND)
        for _ in range(due - self._due):
            self._begin()
        self._due = due

    def _begin(self) -> None:
        if not self._idle:
            if self._users >= self._at_most:
                self._left_out += 1
                return
            self._users += 1
            told = self._job.arguments
            self._idle.append(User(told["host"], told["port"], self._counts, self._address))
        task = asyncio.ensure_future(self._ask(self._idle.popleft()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, user: User) -> None:
        await user.get(path(self._reads))
        self._idle.append(user)

    def _report(self) -> None:
        self._asked.append(self._counts.asked)
        seconds = _REPORT_EVERY_SECONDS * (len(self._asked) - 1)
        rate = (self._asked[-1] - self._asked[0]) / seconds
        detail = f"{rate:.0f} of {self._rate:.0f} requests/s; {self._counts.in_words()}; {self._left_out} left out"
        full = len(self._asked) == self._asked.maxlen
        self._job.report(rate >= _HELD * self._rate and (full or self._counts.asked > 0), detail)


def run(job: Job) -> None:
    """Until the job shall end."""
    run_until_ended(job, Surge(job).run)
