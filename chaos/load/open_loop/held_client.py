"""Holds thousands of connections open, each of which asks for something every now and then, and counts what came back.

A connection is opened once. One that is lost, refused or not answered in time is a failure, counted once, and is not
opened again: how many are left at the end is how many were held.
"""

import asyncio
import heapq
import itertools
import socket
import time
from collections.abc import Coroutine
from typing import Any

import msgspec

from chaos.facts.claims.facts import LoadSeen
from chaos.load.open_loop.connection import Answer, Connection, Pending
from chaos.load.open_loop.held_job import HeldJob
from chaos.load.open_loop.job import Job
from chaos.load.open_loop.tally import Tally
from chaos.load.open_loop.wire import wires
from chaos.spec.claims.profile import Stage
from chaos.spec.values import Duration

_LEAST_PAUSE_SECONDS = 0.001
"""What is due within a millisecond leaves together: a loop that never sleeps would take the server's core."""
_LOOK_EVERY_SECONDS = 0.01
_SENT_IN_ONE_GO = 50
_BIND_ADDRESS_NO_PORT = 24
"""Of Linux, since 4.2: a port is chosen when it is known where to, so that one just done with is free again."""


class HeldConnection(Connection):
    """One of them, which tells of its loss also when nothing was asked."""

    def __init__(self, client: "HeldClient", number: int) -> None:
        super().__init__(client.done)
        self.number = number
        self._client = client

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        asked = self.pending is not None
        super().connection_lost(exc)
        if not asked:
            self._client.lost(self, "closed" if exc is None else "reset")


class HeldClient:
    """All connections of one process; times are on the monotonic clock."""

    def __init__(self, job: HeldJob) -> None:
        self._job = job
        self._phase = -1
        """Its place; -1: none has begun."""
        self._began = asyncio.Event()
        self._moved: list[float] = []
        """When each phase began, and the last ended."""
        self._cpu: list[float] = []
        """At these moments."""
        self._held_then: list[int] = []
        """How many connections were open at them."""
        like = Job(host=job.host, port=job.port, requests=job.requests, connections=job.connections, in_turn=True)
        self._wires = wires(like)
        self._like = msgspec.structs.replace(
            like,
            tag_header=job.tag_header,
            name=job.name,
            origin=job.origin,
            profile=[Stage(rate=job.connections / job.every_seconds, for_=Duration(seconds=job.every_seconds))],
        )
        self._tallies: list[Tally] = []
        self._held: dict[int, HeldConnection] = {}
        self._asked: dict[HeldConnection, float] = {}
        """When the request of each was due; in the order in which they were asked."""
        self._due: list[tuple[float, int]] = []
        self._begun = 0
        """So many of them had their first turn, which is in their order."""
        self._opening: set[asyncio.Task[None]] = set()

    def next_phase(self) -> None:
        """The phase that lasts is over, if there is one, and the next begins."""
        if self.over:
            return
        now = time.monotonic()
        self._moved.append(now)
        self._cpu.append(time.process_time())
        self._held_then.append(len(self._held))
        self._phase += 1
        if not self.over:
            self._tallies.append(self._tally(self._phase, now))
        if self._phase == 0:
            first, apart = now + self._job.first_seconds, self._job.apart_seconds
            self._due = [(first + number * apart, number) for number in range(self._job.connections)]
            self._began.set()

    @property
    def phases_begun(self) -> int:
        """How many have begun; one more when the last is over."""
        return self._phase + 1

    @property
    def over(self) -> bool:
        """Whether the last phase is."""
        return self._phase >= len(self._job.phases)

    async def run(self) -> list[LoadSeen]:
        """Until the last phase is over, and what was asked in it is answered or late: what was seen in each."""
        await self._began.wait()
        looking = asyncio.ensure_future(self._look())
        while not self.over:
            await self._ask_all_that_are_due()
        while self._asked or self._opening:  # noqa: ASYNC110  # the last of many, and nothing is measured any more
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        looking.cancel()
        return [self._fact(place) for place in range(len(self._tallies))]

    async def _ask_all_that_are_due(self) -> None:
        sent = 0
        while self._due and self._due[0][0] <= (now := time.monotonic()) and sent < _SENT_IN_ONE_GO:
            due, number = heapq.heappop(self._due)
            self._tallies[self._phase].late(now - due)
            if self._turn(number, due):
                heapq.heappush(self._due, (due + self._job.every_seconds, number))
            sent += 1
        pause = self._due[0][0] - time.monotonic() if self._due else _LOOK_EVERY_SECONDS
        await asyncio.sleep(min(max(pause, _LEAST_PAUSE_SECONDS), _LOOK_EVERY_SECONDS) if sent < _SENT_IN_ONE_GO else 0)

    def _turn(self, number: int, due: float) -> bool:
        """Have a connection ask; False where it is no more."""
        if (connection := self._held.get(number)) is not None:
            if connection.pending is not None:
                # Its time is up, and nobody has looked yet.
                connection.give_up("timeout")
                return False
            self._ask(connection, due)
            return True
        if number < self._begun:
            return False
        self._begun = number + 1
        self._beside(self._open(number, due, self._phase))
        return True

    def _ask(self, connection: HeldConnection, due: float, phase: int | None = None) -> None:
        place = self._phase if phase is None else phase
        self._tallies[place].sent += 1
        self._asked[connection] = due
        connection.ask(Pending(place, due, next(self._wires)), time.monotonic())

    async def _open(self, number: int, due: float, phase: int) -> None:
        try:
            async with asyncio.timeout(max(0.0, due + self._job.timeout_seconds - time.monotonic())):
                connection = await self._opened(number)
        except (OSError, TimeoutError) as error:
            why = "refused" if isinstance(error, ConnectionRefusedError) else "not connected"
            self._tallies[phase].failed(due, why, time.monotonic())
            return
        if not connection.open:
            self._tallies[phase].failed(due, "closed", time.monotonic())
            return
        self._held[number] = connection
        self._ask(connection, due, phase)

    async def _opened(self, number: int) -> HeldConnection:
        loop = asyncio.get_running_loop()
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            plain.setblocking(False)
            plain.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            plain.bind((self._job.source, 0))
            await loop.sock_connect(plain, (self._job.host, self._job.port))
            _, connection = await loop.create_connection(lambda: HeldConnection(self, number), sock=plain)
        except BaseException:
            plain.close()
            raise
        return connection

    def done(self, connection: Connection, pending: Pending, how: Answer | str) -> None:
        """What became of a request."""
        assert isinstance(connection, HeldConnection)
        del self._asked[connection]
        now, tally = time.monotonic(), self._tallies[pending.stage]
        if isinstance(how, Answer):
            tally.answered(pending, how, now)
        else:
            tally.failed(pending.due, how, now)
            self._held.pop(connection.number, None)

    def lost(self, connection: HeldConnection, why: str) -> None:
        """Somebody closed it while nothing was asked."""
        if self._held.pop(connection.number, None) is not None and not self.over:
            now = time.monotonic()
            self._tallies[self._phase].failed(now, f"{why} while idle", now)

    async def _look(self) -> None:
        """Every now and then: how late this process is itself, and whose time is up."""
        due = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            now = time.monotonic()
            # Every look that was missed counts too: a process that stood still for a second was late a hundred times.
            while due + _LOOK_EVERY_SECONDS <= now:
                due += _LOOK_EVERY_SECONDS
                self._tallies[-1].late(now - due)
            late = now - self._job.timeout_seconds
            for connection in [one for one, asked in itertools.islice(self._asked.items(), 1000) if asked <= late]:
                connection.give_up("timeout")

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _tally(self, place: int, began: float) -> Tally:
        labels = self._job.labels | {"phase": self._job.phases[place]}
        return Tally(msgspec.structs.replace(self._like, labels=labels), 0, began)

    def _fact(self, place: int) -> LoadSeen:
        seconds = self._moved[place + 1] - self._moved[place]
        fact = self._tallies[place].fact(self._cpu[place + 1] - self._cpu[place], self._held_then[place + 1])
        return msgspec.structs.replace(fact, stage=place, seconds=max(seconds, 1e-9))
