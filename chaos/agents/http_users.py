"""Many HTTP users in one process, for agents: connections kept alive, and little done for each request.

A client library spends a millisecond on a request, which would be the CPU that the measured users feel; h11 speaks
the protocol and leaves the connections to us.
"""

import asyncio
import contextlib
import functools
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import metadata

import h11

from chaos.agents.job import Job

_ASK_TO_END_EVERY_SECONDS = 0.1
_READ_BYTES = 65_536
TIMEOUT_SECONDS = 2.0
"""As patient as the measured users are."""


@dataclass(slots=True)
class Counts:
    """What happened so far."""

    asked: int = 0
    failed: int = 0
    in_flight: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    def in_words(self) -> str:
        """For people."""
        answers = ", ".join(f"{number} x {status}" for status, number in sorted(self.statuses.items()))
        return f"{self.asked} asked, {self.failed} failed, {self.in_flight} in flight; {answers or 'no answers'}"


class User:
    """One connection, opened when it is needed."""

    def __init__(self, host: str, port: int, counts: Counts, address: str = "") -> None:
        """`address`: whom a proxy that the system believes would say it is from; empty: there is no such proxy."""
        self._host = host
        self._port = port
        forwarded = [("X-Forwarded-For", address)] if address else []
        self._headers = [("Host", host), *said_by_users(), *forwarded]
        self._counts = counts
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._http = h11.Connection(h11.CLIENT)

    async def get(self, path: str) -> bool:
        """Ask and wait for the whole answer, 2 s at most: whether it came; failures are counted, not raised."""
        self._counts.asked += 1
        self._counts.in_flight += 1
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                self._counts.statuses[await self._get(path)] += 1
            return True
        except (OSError, TimeoutError, h11.ProtocolError):
            self._counts.failed += 1
            self.leave()
            return False
        finally:
            self._counts.in_flight -= 1

    async def _get(self, path: str) -> int:
        if self._streams is not None and self._streams[0].at_eof():
            self.leave()  # the server has closed it since
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
            self._http = h11.Connection(h11.CLIENT)
        reader, writer = self._streams
        writer.write(self._http.send(h11.Request(method="GET", target=path, headers=self._headers)) or b"")
        self._http.send(h11.EndOfMessage())
        status = await self._answer(reader)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not reader.at_eof():
            self._http.start_next_cycle()
        else:
            self.leave()  # the server closes it after this answer
        return status

    async def _answer(self, reader: asyncio.StreamReader) -> int:
        status = 0
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self._http.receive_data(await reader.read(_READ_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("closed before it answered")
        return status

    def leave(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@functools.cache
def said_by_users() -> tuple[tuple[str, str], ...]:
    """What the measured users' client says of itself: by that, traces would tell an agent's requests from theirs.

    But for its `Host`, which has no port here: HAProxy keeps answers by it, and those that it keeps for users would
    spare the services the rush of `traffic.hot_key`. Neither traces nor logs show it.
    """
    try:
        # Not imported: it brings gevent, and an agent is to start fast.
        said = f"python/gevent-http-client-{metadata.version('geventhttpclient')}"
    except metadata.PackageNotFoundError:
        # Where there is no Locust the measured users say what is said here (load/connection.py).
        said = f"python/h11-{metadata.version('h11')}"
    return (
        ("User-Agent", said),
        ("Accept-Encoding", "gzip, deflate, br"),
    )


def allow_connections(number: int) -> None:
    """Let this process open so many, and some files besides. Raises ValueError when it may not."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < number + 100:
        raise ValueError(f"{number} connections: this process may open {most} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (number + 100, most))


def run_until_ended(job: Job, act: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine until the job shall end, then cancel it and whatever it began."""
    asyncio.run(_until_ended(job, act))


async def _until_ended(job: Job, act: Callable[[], Awaitable[None]]) -> None:
    acting = asyncio.ensure_future(act())
    while not job.stopped and not acting.done():  # noqa: ASYNC110  # it is told by a signal, not by a task
        await asyncio.sleep(_ASK_TO_END_EVERY_SECONDS)
    acting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await acting


async def every(seconds: float, act: Callable[[], None]) -> None:
    """Act on a fixed grid; turns missed altogether are left out."""
    due = time.monotonic()
    while True:
        act()
        due = max(due + seconds, time.monotonic() - seconds)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
