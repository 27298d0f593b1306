"""Many HTTP users in one process, for agents: connections kept alive, requests by hand, so that each costs little.

It understands what it needs: answers with a Content-Length, as HAProxy and the services give them.
"""

import asyncio
import contextlib
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chaos.agents.job import Job

_ASK_TO_END_EVERY_SECONDS = 0.1
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

    def __init__(self, host: str, port: int, counts: Counts) -> None:
        self._host = host
        self._port = port
        self._counts = counts
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> bool:
        """Ask and wait for the whole answer, 2 s at most: whether it came; failures are counted, not raised."""
        self._counts.asked += 1
        self._counts.in_flight += 1
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                self._counts.statuses[await self._get(path)] += 1
            return True
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            self._counts.failed += 1
            self.leave()
            return False
        finally:
            self._counts.in_flight -= 1

    async def _get(self, path: str) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = head.partition("content-length:")[2].partition("\r\n")[0]
        await reader.readexactly(int(length))  # ValueError: an answer of no known length
        if "connection: close" in head:
            self.leave()
        return int(head.split()[1])

    def leave(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


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
