"""Waiting for something to come true, and never for time to pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Everything here is over within a second or two; the rest is for a busy machine.
SEEN_WITHIN_SECONDS = 15.0


def until(look: Callable[[], T], seconds: float = SEEN_WITHIN_SECONDS) -> T:
    """Return the first true answer; fail if there is none in time."""
    give_up_at = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(0.05)
    return found
