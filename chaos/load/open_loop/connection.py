"""One keep-alive connection of HTTP/1.1, one request at a time; reads no more of an answer than it must."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

_MOST_HEAD = 65536


@dataclass(slots=True)
class Pending:
    """A request on its way."""

    stage: int
    due: float
    """When it was to leave; like all times here, on the monotonic clock."""
    wire: bytes
    sent: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back whole."""

    status: int
    head: bytes
    """In small letters, as names and most values may be written either way."""
    head_bytes: int
    body_bytes: int


Done = Callable[["Connection", Pending, Answer | str], None]
"""Told of an answer, or in a word why there is none."""


class Connection(asyncio.Protocol):
    """One connection; `done` is called once for each request."""

    def __init__(self, done: Done) -> None:
        self._done = done
        self._read = bytearray()
        self._transport: asyncio.Transport | None = None
        self.pending: Pending | None = None

    @property
    def open(self) -> bool:
        """Whether it can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, pending: Pending, now: float) -> None:
        """Send a request; only while none is on its way."""
        assert self._transport is not None
        assert self.pending is None
        pending.sent, self.pending = now, pending
        self._transport.write(pending.wire)

    def give_up(self, why: str) -> None:
        """Close, and tell so of the request that is on its way."""
        if self._transport is not None:
            self._transport.abort()
        self._over(why)

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        if end < 0:
            if len(self._read) > _MOST_HEAD:
                self.give_up("unreadable")
            return
        head = bytes(self._read[: end + 2]).lower()
        length = _length(head)
        if length is None:
            self.give_up("unreadable")
        elif len(self._read) >= end + 4 + length:
            self._read.clear()
            answer = Answer(int(head[9:12]), head, end + 4, length)
            if b"\r\nconnection: close" in head and self._transport is not None:
                self._transport.close()
            self._over(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._transport = None
        self._over("closed" if exc is None else "reset")

    def _over(self, how: Answer | str) -> None:
        pending, self.pending = self.pending, None
        if pending is not None:
            self._done(self, pending, how)


def _length(head: bytes) -> int | None:
    """Bytes of the body; None where it is said in no way that is read here."""
    if not head.startswith(b"http/1.1 ") or not head[9:12].isdigit():
        return None
    at = head.find(b"\r\ncontent-length: ")
    if at < 0:
        return 0 if head[9:12] in (b"204", b"304") else None
    text = head[at + 18 : head.find(b"\r\n", at + 18)].strip()
    return int(text) if text.isdigit() else None
