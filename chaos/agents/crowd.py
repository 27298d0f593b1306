"""So many users at a time, each of whom asks anew as soon as it is answered: they fill whatever has a limit.

A rate that overloads one machine is nothing to a quicker one; a crowd larger than a limit is that on any.
"""

import asyncio
from collections import deque

from chaos.agents.http_users import TIMEOUT_SECONDS, Counts, User, allow_connections, every, run_until_ended
from chaos.agents.job import Job
from chaos.agents.read_paths import path

_REPORT_EVERY_SECONDS = 0.5
_PAUSE_SECONDS = 0.1
"""How long who got no answer waits: without it, a refused connection would be asked for thousands of times a second."""
_WINDOW_SECONDS = TIMEOUT_SECONDS + _PAUSE_SECONDS + _REPORT_EVERY_SECONDS
"""Within which each has asked, however patient it was."""


class Crowd:
    """One crowd."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._reads = job.arguments["reads"]
        self._counts = Counts()
        host, port = job.arguments["host"], job.arguments["port"]
        self._users = [User(host, port, self._counts) for _ in range(job.arguments["users"])]
        self._asked: deque[int] = deque([0], maxlen=int(_WINDOW_SECONDS / _REPORT_EVERY_SECONDS) + 1)

    async def run(self) -> None:
        """Until cancelled."""
        asking = [self._ask_on(user) for user in self._users]
        await asyncio.gather(*asking, every(_REPORT_EVERY_SECONDS, self._report))

    async def _ask_on(self, user: User) -> None:
        while True:
            if not await user.get(path(self._reads)):
                await asyncio.sleep(_PAUSE_SECONDS)

    def _report(self) -> None:
        self._asked.append(self._counts.asked)
        detail = f"{len(self._users)} users; {self._counts.in_words()}"
        self._job.report(self._asked[-1] - self._asked[0] >= len(self._users), detail)


def run(job: Job) -> None:
    """Until the job shall end."""
    allow_connections(job.arguments["users"])
    run_until_ended(job, Crowd(job).run)
