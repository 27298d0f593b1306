"""Thousands of connections that do next to nothing: idle ones, or requests that are sent a byte at a time.

A connection that the server closes is opened again, so that there are as many as long as the fault is held. Plain
sockets and one selector: this must cost the machine little, or it would be the CPU that users feel.
"""

import contextlib
import selectors
import socket
import time
import uuid
from dataclasses import dataclass, field

from chaos.agents.http_users import allow_connections, said_by_users
from chaos.agents.job import Job

_REPORT_EVERY_SECONDS = 0.5
_BYTE_EVERY_SECONDS = 1.0
_CONNECT_WITHIN_SECONDS = 2.0
_TURN_SECONDS = 0.05
# Opened or closed in one turn, 2,000 a second: a rush would itself take the CPU that users need, and overflow the
# kernel's queue. Idle ones ask for something first, which costs more: 1,400 a second.
_AT_ONCE = 100
_IDLE_AT_ONCE = 70
_ENOUGH_IDLE = 0.95
_ENOUGH = 0.75
"""The share of the connections that must be open: who does not finish its request is turned out after 5 s, and those
that came at the same moment are on their way back together."""
_BODY_BYTES = 4000


@dataclass(slots=True)
class SlowClients:
    """All connections of one agent."""

    job: Job
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    opened: set[socket.socket] = field(default_factory=set)
    closed: int = 0
    """By the server, so far."""
    _told_at: float = 0.0
    _sent_at: float = 0.0

    @property
    def _idle(self) -> bool:
        return bool(self.job.arguments["sends"] == "nothing")

    def run(self) -> None:
        """Until the job shall end."""
        wanted = int(self.job.arguments["connections"])
        while not self.job.stopped:
            self._open(min(wanted - len(self.opened), _IDLE_AT_ONCE if self._idle else _AT_ONCE))
            self._listen(_TURN_SECONDS)
            now = time.monotonic()
            if not self._idle and now - self._sent_at >= _BYTE_EVERY_SECONDS:
                self._sent_at = now
                self._drip()
            if now - self._told_at >= _REPORT_EVERY_SECONDS:
                self._told_at = now
                self._report(wanted)
        for number, client in enumerate(list(self.opened), 1):
            self._leave(client)
            if number % _AT_ONCE == 0:
                time.sleep(_TURN_SECONDS / 4)  # 72 turns at most, within the two seconds an agent has for its end

    def _listen(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                self._hear(key.fileobj)

    def _open(self, number: int) -> None:
        host, port = self.job.arguments["host"], self.job.arguments["port"]
        for _ in range(number):
            try:
                client = socket.create_connection((host, port), _CONNECT_WITHIN_SECONDS)
                client.sendall(self._beginning())
                client.setblocking(False)
            except OSError:
                self.job.wait(_TURN_SECONDS)
                return
            self.opened.add(client)
            self.selector.register(client, selectors.EVENT_READ)

    def _beginning(self) -> bytes:
        host, sends = self.job.arguments["host"], self.job.arguments["sends"]
        said = "".join(f"{name}: {value}\r\n" for name, value in (("Host", host), *said_by_users()))
        if sends == "nothing":
            # Asked for something once: a connection that never was is closed sooner.
            return f"GET {self.job.arguments['path']} HTTP/1.1\r\n{said}\r\n".encode()
        if sends == "headers":
            return f"GET {self.job.arguments['path']} HTTP/1.1\r\n{said}Cookie: ".encode()
        head = f"POST /orders HTTP/1.1\r\n{said}Content-Type: application/json\r\nIdempotency-Key: {uuid.uuid4()}\r\n"
        return f"{head}Content-Length: {_BODY_BYTES}\r\n\r\n".encode()

    def _hear(self, client: socket.socket) -> None:
        try:
            answer = client.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            answer = b""
        # An answer ends a request that was being sent: the server has had enough of it.
        if not answer or not self._idle:
            self.closed += 1
            self._leave(client)

    def _drip(self) -> None:
        for client in list(self.opened):
            try:
                client.send(b"x")
            except BlockingIOError:
                continue
            except OSError:
                self.closed += 1
                self._leave(client)

    def _leave(self, client: socket.socket) -> None:
        self.opened.discard(client)
        with contextlib.suppress(KeyError):
            self.selector.unregister(client)
        client.close()

    def _report(self, wanted: int) -> None:
        detail = f"{len(self.opened)} of {wanted} connections open, sending {self.job.arguments['sends']}"
        enough = _ENOUGH_IDLE if self._idle else _ENOUGH
        self.job.report(len(self.opened) >= enough * wanted, f"{detail}; {self.closed} were closed")


def run(job: Job) -> None:
    """Until the job shall end."""
    allow_connections(job.arguments["connections"])
    SlowClients(job).run()
