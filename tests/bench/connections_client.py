"""A client that holds thousands of connections open and uses them in turn, at a fixed rate, open loop.

`python -m tests.bench.connections_client PORT CONNECTIONS PER_SECOND SECONDS` prints what it saw as JSON. A process
of its own: one is limited to 20,000 open files, and a test that collects garbage must not be in what it measures.
"""

import asyncio
import gc
import json
import sys
import time
from dataclasses import dataclass, field

import uvloop

# Few, because HAProxy's cache expires them all together, and lets through what asks for one until it is there again.
PRODUCTS = [f"/products/sku-{number:04d}" for number in range(1, 6)]
_OPENED_AT_ONCE = 20
_LONGEST_WAIT_SECONDS = 10.0


@dataclass
class Seen:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    """From when the request was due to the last byte of its answer."""
    errors: list[str] = field(default_factory=list)
    past_the_cache: list[float] = field(default_factory=list)
    """Those of `seconds` that an instance answered."""


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time; reads no more of an answer than it must."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._answer = b""
        self._due = 0.0
        self.busy = False
        self.open = True

    def connection_made(self, transport) -> None:
        self._transport = transport

    def ask(self, request: bytes, due: float) -> None:
        """Send a request that was due then; an error when the connection is gone or still waits for its last answer."""
        if not self.open or self.busy:
            self._seen.errors.append("not answered until its next turn" if self.open else "gone")
            return
        self.busy = True
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        if not blank or len(body) < _content_length(head):
            return
        took = time.perf_counter() - self._due
        self._seen.seconds.append(took)
        if b"x-served-by: cache" not in head:
            self._seen.past_the_cache.append(took)
        self.busy, self._answer = False, b""
        if not head.startswith(b"HTTP/1.1 200 "):
            self._seen.errors.append(head.split(b"\r\n", 1)[0].decode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._seen.errors.append(f"connection lost: {exc!r}")


def _content_length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])


async def measure(port: int, number: int, per_second: float, seconds: float) -> dict[str, object]:
    """Open the connections, use them in turn, and say what was seen."""
    seen = Seen()
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for path in PRODUCTS]
    connections = await _open(port, number, seen, requests)
    seen.seconds.clear()
    seen.past_the_cache.clear()
    # A collection would stop the clock's owner in the middle of a measurement; there are no cycles here to find.
    gc.disable()
    began, sent, late = time.perf_counter(), 0, 0.0
    while (now := time.perf_counter()) < began + seconds:
        while (due := began + sent / per_second) <= now:
            connections[sent % number].ask(requests[sent % len(requests)], due)
            late = max(late, now - due)
            sent += 1
        await asyncio.sleep(0.001)
    await _answered(connections)
    return {"sent": sent, "open_at_the_end": sum(one.open for one in connections), "late_ms": 1000 * late} | _told(seen)


def _told(seen: Seen) -> dict[str, object]:
    ordered = sorted(seen.seconds)
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    times = {name: round(1000 * ordered[int((len(ordered) - 1) * share)], 2) for name, share in shares.items()}
    return {
        "answered": len(ordered),
        "past_the_cache": len(seen.past_the_cache),
        "errors": len(seen.errors),
        "first_errors": seen.errors[:5],
    } | times


async def _open(port: int, number: int, seen: Seen, requests: list[bytes]) -> list[Connection]:
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    while len(connections) < number:
        some = min(_OPENED_AT_ONCE, number - len(connections))
        opened = [loop.create_connection(lambda: Connection(seen), "127.0.0.1", port) for _ in range(some)]
        fresh = [connection for _, connection in await asyncio.gather(*opened)]
        # Used at once: HAProxy takes back a new connection on which nothing is asked for five seconds.
        for connection in fresh:
            connection.ask(requests[len(connections) % len(requests)], time.perf_counter())
        await _answered(fresh)
        connections += fresh
    return connections


async def _answered(connections: list[Connection]) -> None:
    give_up_at = time.perf_counter() + _LONGEST_WAIT_SECONDS
    while any(connection.busy for connection in connections):
        if time.perf_counter() > give_up_at:
            return
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    port, number, per_second, seconds = (float(argument) for argument in sys.argv[1:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(int(port), int(number), per_second, seconds))))
