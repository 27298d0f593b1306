"""Instances of a service that misbehave on command, served from one thread."""

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from tests.ports import free_port
from tests.waiting import SEEN_WITHIN_SECONDS


@dataclass
class Request:
    """One request as it arrived at an instance."""

    method: str
    path: str
    headers: dict[str, str]
    """Of one that is there twice, the last."""
    names: list[str]
    """Of all headers."""


@dataclass
class Instance:
    """A server that answers as it is told; its attributes may be changed while it runs."""

    name: str
    port: int = field(default_factory=free_port)
    ready: bool = True
    """What /readyz says."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    seconds: float = 0.0
    """From the request to its answer."""
    hangs_up: bool = False
    """Close the connection instead of answering."""
    hangs: bool = False
    """Answer nothing any more, /readyz included, as a stopped process does; connections are still taken."""
    holds: bool = False
    """Answer no request until it is told otherwise; /readyz is answered."""
    checks: int = 0
    """How often /readyz was asked."""
    requests: list[Request] = field(default_factory=list)
    """All that arrived, but for /readyz."""
    waiting: int = 0
    """Requests it has in hand."""
    most_waiting: int = 0

    async def serve(self, reader, writer):
        """Serve one connection."""
        try:
            while request := await self._read(reader):
                if self.hangs:
                    await asyncio.Event().wait()
                if request.path == "/readyz":
                    self.checks += 1
                    writer.write(self._answer(200 if self.ready else 503, {}, b""))
                elif not await self._answered(request, writer):
                    break
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has left
        finally:
            writer.close()

    async def _read(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        method, path, _ = first.split()
        pairs = [line.lower().split(": ", 1) for line in lines if line]
        headers = dict(pairs)
        await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, path, headers, [name for name, _ in pairs])

    async def _answered(self, request, writer):
        self.requests.append(request)
        if self.hangs_up:
            return False
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await asyncio.sleep(self.seconds)
        while self.holds:  # noqa: ASYNC110  # it is told from another thread
            await asyncio.sleep(0.02)
        self.waiting -= 1
        writer.write(self._answer(self.status, self.headers, self.body))
        return True

    def _answer(self, status, headers, body):
        lines = [f"HTTP/1.1 {status} Told", f"content-length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def running(instances):
    """Serve these instances from one thread."""
    loop = asyncio.new_event_loop()
    ready, ending = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve_all(instances, ready, ending)))
    thread.start()
    try:
        assert ready.wait(SEEN_WITHIN_SECONDS)
        yield
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(SEEN_WITHIN_SECONDS)
        loop.close()


async def _serve_all(instances, ready, ending):
    taken = {}

    def take(instance, reader, writer):
        task = asyncio.ensure_future(instance.serve(reader, writer))
        taken[task] = writer
        task.add_done_callback(taken.pop)

    # A short backlog would refuse the rush that a test makes on purpose.
    servers = [await asyncio.start_server(partial(take, one), "127.0.0.1", one.port, backlog=4096) for one in instances]
    ready.set()
    await ending.wait()
    # Nothing is accepted any more, then what only just was is finished: a closed server leaves that open (Python 3.11).
    for listening in (each for server in servers for each in server.sockets):
        asyncio.get_running_loop().remove_reader(listening)
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task(), *taken}, return_exceptions=True)
    for server in servers:
        server.close()
    # A task that is cancelled before it has begun closes nothing itself.
    for task, writer in taken.items():
        writer.close()
        task.cancel()
    await asyncio.gather(*taken, return_exceptions=True)
    await asyncio.sleep(0)  # closed transports take a turn of the loop
