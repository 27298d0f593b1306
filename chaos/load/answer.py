"""What a user got for a request: an answer, or the reason why there was none."""

import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


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
CLOSED = "connection closed"
BROKEN = "broken answer"
"""It ended early, or was never HTTP."""


def is_well(status: int, expected: Ranges) -> bool:
    """Whether an answer of this status is as it should be."""
    return any(first <= status <= last for first, last in expected)


def in_words(failure: BaseException) -> str:
    """Short and without addresses, so that equal failures have equal names."""
    if isinstance(failure, TimeoutError):
        return "timed out"
    if isinstance(failure, ssl.SSLError):  # an OSError too, with numbers of its own
        said = getattr(failure, "verify_message", "") or failure.reason or "failed"
        return f"TLS: {str(said).lower().replace('_', ' ')}"
    if isinstance(failure, socket.gaierror):
        return f"no address: {str(failure.strerror).lower()}"
    if isinstance(failure, OSError) and failure.errno is not None:
        return os.strerror(failure.errno).lower()
    return type(failure).__name__
