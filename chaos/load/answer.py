"""What a user got for a request: an answer, or the reason why there was none."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import gevent  # type: ignore[import-untyped]  # it ships none
from gevent import ssl
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust.contrib.fasthttp import ResponseContextManager

from chaos.load.body import max_age


@dataclass(frozen=True, slots=True)
class Answer:
    # None: no answer, or not all of it, reached the user.
    status: int | None
    # A few words; None if and only if the request is ok, which is a complete answer of an expected status.
    error: str | None
    # The instance that answered, if the load balancer names it.
    served_by: str | None = None
    body: bytes = b""
    # The value of the first cookie it sets.
    cookie: str | None = None
    # For how many seconds that cookie is good; None if the answer does not say.
    max_age: float | None = None
    # Where it sends its user, as it says it.
    location: str | None = None


Ranges: TypeAlias = Sequence[tuple[int, int]]
"""The first and the last status of each."""
WELL: Ranges = ((200, 299),)
UNFINISHED = Answer(None, "unfinished")
TIMED_OUT = Answer(None, "timed out")


def answer_of(response: ResponseContextManager, expected: Ranges = WELL) -> Answer:
    headers: Mapping[str, object] = response.headers if response.headers is not None else {}
    served_by = headers.get("x-served-by")
    served_by = None if served_by is None else str(served_by)
    status = response.status_code  # Locust's 0: there was no answer
    failure = response.request_meta["exception"]
    location = headers.get("location")
    location = location if isinstance(location, str) else None
    if status and not any(first <= status <= last for first, last in expected):
        return Answer(status, f"HTTP {status}", served_by, location=location)
    if failure is not None:
        # With a status the connection ended inside the body.
        return Answer(None, in_words(failure), served_by)
    set_cookie = headers.get("set-cookie")
    body = response.content or b""
    return Answer(status, None, served_by, body, _cookie(set_cookie), max_age(set_cookie), location)


def _cookie(header: object) -> str | None:
    return header.partition("=")[2].partition(";")[0] or None if isinstance(header, str) else None


def in_words(failure: BaseException) -> str:
    """Short and without addresses, so that equal failures have equal names."""
    failure = getattr(failure, "original", None) or failure  # geventhttpclient wraps time-outs
    if isinstance(failure, (TimeoutError, gevent.Timeout)):
        return "timed out"
    if isinstance(failure, HTTPConnectionClosed):
        return "connection closed"
    if isinstance(failure, HTTPParseError):
        return "broken answer"  # it ended early, or was never HTTP
    if isinstance(failure, ssl.SSLError):  # an OSError too, with numbers of its own
        said = getattr(failure, "verify_message", "") or failure.reason or "failed"
        return f"TLS: {str(said).lower().replace('_', ' ')}"
    if isinstance(failure, OSError) and failure.errno is not None:
        return os.strerror(failure.errno).lower()
    return type(failure).__name__
