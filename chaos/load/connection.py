"""One connection of one user, opened when it is needed and kept: HTTP/1.1 by h11, without a client library.

A library takes about as much CPU for a request as a small server does, and repeats some by itself.
"""

import asyncio
import socket
import ssl
import string
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import h11

from chaos.agents.http_users import said_by_users

_READ_BYTES = 65_536
_HAVE_A_BODY = frozenset(("POST", "PUT", "PATCH"))


class Closed(Exception):
    """The server closed the connection before it said anything."""


@dataclass(frozen=True, slots=True)
class Got:
    """An answer that came whole; its body is read, and kept by nobody."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters; of several of one name the first."""


class Connection:
    """To one server. Whatever is raised, the next request has a connection of its own."""

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        """`url` is the server's, of which the path counts for nothing; `tls` is needed where it begins with https."""
        there = urlsplit(url)
        self._host, self._port = there.hostname or "", there.port or (443 if there.scheme == "https" else 80)
        self._called = there.netloc.rpartition("@")[2]
        self._tls = tls
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._http = h11.Connection(h11.CLIENT)

    async def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Got:
        """Ask, and wait for the whole answer, however long that takes.

        Nothing is sent twice. Raises OSError, Closed, and h11.RemoteProtocolError for what is no whole answer.
        """
        try:
            got = await self._exchange(method, url, headers, body)
        except BaseException:
            self.leave()
            raise
        assert self._streams is not None
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not self._streams[0].at_eof():
            self._http.start_next_cycle()
        else:
            self.leave()  # the server closes it after this answer
        return got

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Got:
        if self._streams is not None and self._streams[0].at_eof():
            self.leave()  # the server has closed it since
        if self._streams is None:
            self._streams = await self._open()
            self._http = h11.Connection(h11.CLIENT)
        reader, writer = self._streams
        request = h11.Request(method=method, target=_target(url), headers=self._headers(method, headers, body))
        sent = self._http.send(request) or b""
        sent += (self._http.send(h11.Data(data=body)) or b"") if body else b""
        self._http.send(h11.EndOfMessage())
        writer.write(sent)
        await writer.drain()
        return await self._answer(reader)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One address after the other, so that what is raised is the system's own word, with its number."""
        found = await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        named = self._host if self._tls else None
        for number, (*_, address) in enumerate(found, 1):
            try:
                return await asyncio.open_connection(address[0], self._port, ssl=self._tls, server_hostname=named)
            except OSError:
                if number == len(found):
                    raise
        raise OSError(f"{self._host} has no address")

    def _headers(self, method: str, own: Mapping[str, str], body: bytes | None) -> list[tuple[str, str]]:
        said = {name.lower() for name in own}
        headers = [("Host", self._called), *said_by_users()]
        if body is not None or method in _HAVE_A_BODY:
            headers.append(("Content-Length", str(len(body or b""))))
        return [(name, value) for name, value in headers if name.lower() not in said] + list(own.items())

    async def _answer(self, reader: asyncio.StreamReader) -> Got:
        got: Got | None = None
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                data = await reader.read(_READ_BYTES)
                if not data and got is None and not self._http.trailing_data[0]:
                    raise Closed
                self._http.receive_data(data)
            elif isinstance(event, h11.Response):
                named = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in reversed(event.headers))
                got = Got(event.status_code, dict(named))
        assert got is not None
        return got

    def leave(self) -> None:
        """Close the connection at once, if there is one."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _target(url: str) -> str:
    there = urlsplit(url)
    path = f"{there.path or '/'}?{there.query}" if there.query else there.path or "/"
    return quote(path, safe=string.ascii_letters + string.digits + string.punctuation)
