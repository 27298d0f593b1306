"""A user of an agent understands every answer that HTTP/1.1 allows, and asks on over its connection where it may."""

import asyncio

import pytest

from chaos.agents import http_users
from chaos.agents.http_users import Counts, User

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + LENGTH
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
REFUSED = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\n{}"


async def asked_twice(answer, hangs_up):
    connections = []

    async def serve(reader, writer):
        connections.append(asyncio.current_task())
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
                await writer.drain()
                if hangs_up:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    counts = Counts()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        user = User("127.0.0.1", server.sockets[0].getsockname()[1], counts)
        told = [await user.get("/products"), await user.get("/products")]
        user.leave()
        await asyncio.gather(*connections)
    return told, counts, len(connections)


@pytest.mark.parametrize(
    ("answer", "status"), [(LENGTH, 200), (CHUNKED, 200), (EARLY, 200), (EMPTY, 204), (REFUSED, 503)]
)
def test_one_connection_serves_two_requests(answer, status):
    told, counts, connections = asyncio.run(asked_twice(answer, hangs_up=False))
    assert (told, dict(counts.statuses), counts.failed, connections) == ([True, True], {status: 2}, 0, 1)


@pytest.mark.parametrize("answer", [CLOSING, UNTIL_CLOSED])
def test_a_connection_that_is_closed_is_opened_anew(answer):
    told, counts, connections = asyncio.run(asked_twice(answer, hangs_up=True))
    assert (told, counts.failed, connections) == ([True, True], 0, 2)


@pytest.mark.parametrize("answer", [b"", LENGTH[:-1], b"no HTTP at all\r\n\r\n"])
def test_what_is_no_whole_answer_is_counted_as_failed(answer):
    told, counts, _ = asyncio.run(asked_twice(answer, hangs_up=True))
    assert (told, counts.failed, counts.in_flight) == ([False, False], 2, 0)


def test_who_is_not_answered_gives_up(monkeypatch):
    monkeypatch.setattr(http_users, "TIMEOUT_SECONDS", 0.05)
    told, counts, _ = asyncio.run(asked_twice(b"", hangs_up=False))
    assert (told, counts.failed) == ([False, False], 2)
