"""The time a request may still take, known to everything the request calls."""

import time
from contextvars import ContextVar
from datetime import timedelta

from services.kit.problems import DeadlineExceeded

_expires_at: ContextVar[float | None] = ContextVar("deadline_expires_at", default=None)


def start(allowed: timedelta) -> None:
    """Give the current request this much time from now on."""
    _expires_at.set(time.monotonic() + allowed.total_seconds())


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
