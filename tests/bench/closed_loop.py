"""Users who ask one worker and ask again as soon as they have their answer, so that it is never idle.

Written on sockets alone: a client that costs as much as the worker would be what is measured.
"""

import select
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONNECTIONS = 16
# A worker that says nothing for so long has stopped; the slowest request ends within 3 s, on a machine that has time.
_SILENT_SECONDS = 30.0
_LENGTH = b"content-length: "
FINE = frozenset({b"200", b"201"})


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Users:
    """They are as many as there are connections; kept open from one round to the next, as HAProxy's are."""

    host: str
    port: int
    expected: frozenset[bytes] = FINE
    """Statuses of answers; any other is a failure."""
    failures: list[str] = field(default_factory=list)
    _connections: dict[int, _Connection] = field(default_factory=dict)

    def send(self, requests: Sequence[bytes]) -> None:
        """Send them all and wait for each answer. Raises AssertionError if the worker is silent for 30 s."""
        waiting, left = iter(requests), len(requests)
        with select.epoll() as ready:
            for connection in self._opened():
                ready.register(connection.socket.fileno(), select.EPOLLIN)
                self._ask(connection, waiting)
            while left:
                readable = ready.poll(_SILENT_SECONDS)
                assert readable, f"the worker has been silent for {_SILENT_SECONDS:g} s, {left} answers are missing"
                for number, _ in readable:
                    connection = self._connections[number]
                    if self._answered(connection):
                        left -= 1
                        self._ask(connection, waiting)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.socket.close()
        self._connections.clear()

    def _opened(self) -> list[_Connection]:
        while len(self._connections) < CONNECTIONS:
            opened = socket.create_connection((self.host, self.port), timeout=_SILENT_SECONDS)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[opened.fileno()] = _Connection(opened)
        return list(self._connections.values())

    @staticmethod
    def _ask(connection: _Connection, waiting: Iterator[bytes]) -> None:
        if request := next(waiting, None):
            connection.socket.sendall(request)

    def _answered(self, connection: _Connection) -> bool:
        """Take what has come; say whether the answer is complete."""
        got = connection.socket.recv(65536)
        assert got, f"the worker closed a connection after {bytes(connection.received)!r}"
        received = connection.received
        received += got
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(received[:end]).lower()
        at = head.find(_LENGTH)
        assert at >= 0, f"an answer without a length: {head!r}"
        length = int(head[at + len(_LENGTH) :].split(b"\r", 1)[0])
        if len(received) < end + 4 + length:
            return False
        if head[9:12] not in self.expected:
            self.failures.append(bytes(received[:500]).decode(errors="replace"))
        received.clear()
        return True
