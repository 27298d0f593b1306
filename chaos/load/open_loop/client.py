"""Asks a server by a profile: each request when it is due, over connections that are kept, and counts what came back.

A request that is due while every connection is busy waits for one, and its latency counts from when it was due: a
server that stands still for a second is seen by all who came in that second, and not by one a connection.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from chaos.facts.claims.facts import LoadSeen
from chaos.load.open_loop.connection import Answer, Connection, Pending
from chaos.load.open_loop.job import Job
from chaos.load.open_loop.tally import Tally
from chaos.load.open_loop.wire import wires
from chaos.spec.claims import profile

_OPENED_AT_ONCE = 50
_LEAST_PAUSE_SECONDS = 0.001
"""What is due within a millisecond leaves together: a loop that never sleeps would take the server's core."""
_SENT_IN_ONE_GO = 50
_LOOK_EVERY_SECONDS = 0.01
_OPEN_AGAIN_AFTER_SECONDS = 0.05


class NotOpened(Exception):
    """A connection could not be opened before the load began."""


class Client:
    """One load, from its first connection to its last answer; times are on the monotonic clock."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._idle: deque[Connection] = deque()
        self._waiting: deque[Pending] = deque()
        self._busy: dict[Connection, Pending] = {}
        """In the order in which they were asked, and so of when their requests were due."""
        self._tallies: list[Tally] = []
        self._now_in = 0
        """The stage that lasts."""
        self._users_ask = False
        """Whether it is a closed one, whose users ask anew when they are answered."""
        self._wires = wires(job)
        self._sources = itertools.cycle(job.sources or [""])
        self._beside: set[asyncio.Task[None]] = set()

    async def run(self, begun: Callable[[float], None]) -> list[LoadSeen]:
        """Open all connections, say when the first request is due, and go through the stages; what was seen in each.

        Ends at the latest `timeout_seconds` after the profile's end. Raises NotOpened.
        """
        await self._open_all()
        began = time.monotonic() + _LOOK_EVERY_SECONDS
        begun(began)
        stages = self._job.profile
        starts = [began + profile.seconds(stages[:place]) for place in range(len(stages))]
        self._tallies = [Tally(self._job, place, start) for place, start in enumerate(starts)]
        self._in_the_background(self._look())
        due = profile.due(stages)
        cpu = [time.process_time()]
        upcoming = next(due, None)
        for place in range(len(stages)):
            upcoming = await self._stage(place, starts[place], began, due, upcoming)
            cpu.append(time.process_time())
        await self._drain()
        cpu[-1] = time.process_time()
        for task in self._beside:
            task.cancel()
        there = len(self._idle)
        return [one.fact(cpu[place + 1] - cpu[place], there) for place, one in enumerate(self._tallies)]

    async def _stage(
        self,
        place: int,
        start: float,
        began: float,
        due: Iterator[tuple[int, float]],
        upcoming: tuple[int, float] | None,
    ) -> tuple[int, float] | None:
        """Go through one stage; what is due next, in a later one."""
        stage, tally = self._job.profile[place], self._tallies[place]
        await _until(start)
        self._now_in, self._users_ask = place, stage.closed
        for _ in range(stage.users or 0):
            self._ask(place, time.monotonic())
        sent = 0
        while upcoming is not None and upcoming[0] == place:
            at = began + upcoming[1]
            now = time.monotonic()
            if at > now:
                await asyncio.sleep(max(at - now, _LEAST_PAUSE_SECONDS))
            elif (sent := sent + 1) % _SENT_IN_ONE_GO == 0:
                await asyncio.sleep(0)
            tally.late(max(0.0, time.monotonic() - at))
            self._ask(place, at)
            upcoming = next(due, None)
        # A burst at the end is over when it is answered.
        if stage.at_once is None or place + 1 < len(self._job.profile):
            await _until(start + stage.for_.in_seconds)
        self._users_ask = False
        return upcoming

    def _ask(self, stage: int, due: float) -> None:
        self._waiting.append(Pending(stage, due, next(self._wires)))
        self._send()

    def _send(self) -> None:
        """Give connections that are free to requests that wait, first come, first served."""
        while self._waiting and self._idle:
            connection = self._idle.popleft()
            if not connection.open:
                self._in_the_background(self._reopen())
                continue
            pending = self._waiting.popleft()
            self._tallies[pending.stage].sent += 1
            self._busy[connection] = pending
            connection.ask(pending, time.monotonic())

    def _done(self, connection: Connection, pending: Pending, how: Answer | str) -> None:
        del self._busy[connection]
        now, tally = time.monotonic(), self._tallies[pending.stage]
        if isinstance(how, Answer):
            tally.answered(pending, how, now)
        else:
            tally.failed(pending.due, how, now)
        if connection.open:
            self._idle.append(connection)
        else:
            self._in_the_background(self._reopen())
        if self._users_ask and pending.stage == self._now_in:
            self._ask(self._now_in, now)
        else:
            self._send()

    async def _look(self) -> None:
        """Every now and then: how late this process is itself, and whose time is up."""
        due = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            now = time.monotonic()
            # Every look that was missed counts too: a process that stood still for a second was late a hundred times.
            while due + _LOOK_EVERY_SECONDS <= now:
                due += _LOOK_EVERY_SECONDS
                self._tallies[self._now_in].late(now - due)
            self._give_up_before(now - self._job.timeout_seconds)

    def _give_up_before(self, due: float) -> None:
        while self._waiting and self._waiting[0].due <= due:
            pending = self._waiting.popleft()
            self._tallies[pending.stage].failed(pending.due, "never sent", time.monotonic())
        for connection in [one for one, pending in itertools.islice(self._busy.items(), 1000) if pending.due <= due]:
            connection.give_up("timeout")

    async def _drain(self) -> None:
        while self._busy or self._waiting:  # noqa: ASYNC110  # it is time that ends some of them, and no event
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _open_all(self) -> None:
        left = self._job.connections
        while left:
            some = min(_OPENED_AT_ONCE, left)
            try:
                async with asyncio.timeout(self._job.timeout_seconds):
                    self._idle.extend(await asyncio.gather(*(self._open() for _ in range(some))))
            except (OSError, TimeoutError) as error:
                raise NotOpened(f"{len(self._idle)} of {self._job.connections} connections: {error!r}") from error
            left -= some

    async def _open(self) -> Connection:
        source = next(self._sources)
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._done),
            self._job.host,
            self._job.port,
            local_addr=(source, 0) if source else None,
        )
        return connection

    async def _reopen(self) -> None:
        """Open a connection instead of one that was lost; as long as that fails, requests that wait fail with it."""
        while True:
            try:
                async with asyncio.timeout(self._job.timeout_seconds):
                    self._idle.append(await self._open())
                return self._send()
            except OSError as error:
                why = "refused" if isinstance(error, ConnectionRefusedError) else "not connected"
                if self._waiting:
                    pending = self._waiting.popleft()
                    self._tallies[pending.stage].failed(pending.due, why, time.monotonic())
            await asyncio.sleep(_OPEN_AGAIN_AFTER_SECONDS)

    def _in_the_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


async def _until(moment: float) -> None:
    if (left := moment - time.monotonic()) > 0:
        await asyncio.sleep(left)
