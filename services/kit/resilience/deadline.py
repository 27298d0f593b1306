"""The time a request may still take, known to everything the request calls, on this side and the next."""

import time
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import timedelta

from services.kit.problems import DeadlineExceeded

# How long the caller will wait, in milliseconds from the request's arrival: a duration, as in gRPC's
# grpc-timeout, because two machines' clocks need not agree on a moment.
HEADER = "x-request-timeout-ms"
_HEADER_BYTES = HEADER.encode()
_MOST_DIGITS = 9

_expires_at: ContextVar[float | None] = ContextVar("deadline_expires_at", default=None)


def start(allowed: timedelta, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Give the current request this much time from now on, or what its caller gives it, if that is less."""
    seconds = allowed.total_seconds()
    for name, value in headers:
        if name == _HEADER_BYTES and value.isdigit() and len(value) <= _MOST_DIGITS:
            seconds = min(seconds, int(value) / 1000)
    _expires_at.set(time.monotonic() + seconds)


def remaining_seconds(limit: timedelta) -> float:
    """Return the limit, or what is left of the request's time if that is less.

    Raises DeadlineExceeded if nothing is left. Outside a request there is only the limit.
    """
    expires_at = _expires_at.get()
    if expires_at is None:
        return limit.total_seconds()
    left = expires_at - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded()
    return min(limit.total_seconds(), left)


def to_headers() -> dict[str, str]:
    """Return the header that passes the deadline on; none outside a request."""
    expires_at = _expires_at.get()
    if expires_at is None:
        return {}
    return {HEADER: str(max(0, round((expires_at - time.monotonic()) * 1000)))}
