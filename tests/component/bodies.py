"""A request whose body is longer than a service takes, sent so that the answer cannot be lost.

A server that answers early closes the connection, and what it has not read by then would reset it: so nothing is sent
beyond the byte that is one too many.
"""

import socket
from urllib.parse import urlsplit


def answer_to_one_too_long(url: str, path: str, most: int, how: str) -> int:
    """The status that a POST gets whose body is `announced` to be longer than `most`, or is so `in pieces`."""
    at = urlsplit(url)
    head = f"POST {path} HTTP/1.1\r\nHost: it\r\nContent-Type: application/json\r\nIdempotency-Key: long\r\n"
    framing = f"Content-Length: {most + 1}\r\n\r\n"
    if how == "in pieces":
        framing = f"Transfer-Encoding: chunked\r\n\r\n{most + 1:x}\r\n"
    with socket.create_connection((at.hostname, at.port), timeout=10) as client, client.makefile("rb") as answer:
        client.sendall((head + framing).encode())
        if how == "in pieces":
            client.sendall(b" " * (most + 1))
        first = answer.readline()
        headers = answer.read().partition(b"\r\n\r\n")[0].lower()
    assert b"content-type: application/problem+json" in headers, headers
    return int(first.split()[1])
