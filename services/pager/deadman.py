"""The dead-man's switch: alive while Watchdog keeps arriving."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

RECEIVER = "deadman"


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the switch says now."""

    last_seen: float | None
    """Seconds since the epoch; None if Watchdog never arrived."""
    age_seconds: float | None
    alive: bool


class Deadman:
    """Remembers when Watchdog last arrived."""

    def __init__(self, timeout: timedelta, clock: Callable[[], float] = _boottime) -> None:
        self._timeout_seconds = timeout.total_seconds()
        self._clock = clock
        self._last_seen: float | None = None
        self._last_seen_on_clock = float("-inf")

    def saw(self, received_at: float, age_seconds: float = 0.0) -> None:
        """Note that Watchdog arrived, so many seconds ago."""
        self._last_seen = received_at
        self._last_seen_on_clock = self._clock() - max(0.0, age_seconds)

    def read(self) -> Reading:
        """Say how the switch stands."""
        if self._last_seen is None:
            return Reading(None, None, alive=False)
        age_seconds = self._clock() - self._last_seen_on_clock
        return Reading(self._last_seen, age_seconds, alive=age_seconds < self._timeout_seconds)
