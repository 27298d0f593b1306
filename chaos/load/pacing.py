"""When each user sends: slots on a fixed grid, so that together they send at an even rate."""

import math


class Slots:
    """The sending times of one user: `first`, and every `interval_seconds` after it, on the monotonic clock.

    Locust's constant_pacing counts from whenever the user last woke: one late answer shifts the user for
    good, users bunch up, and lost requests are never made good. On a grid lateness ends with the request.
    """

    def __init__(self, first: float, interval_seconds: float) -> None:
        self._due = first
        self._interval_seconds = interval_seconds

    def wait_seconds(self, now: float) -> float:
        """Take the next slot and say how long to wait for it; 0 if it is late by less than one interval.

        Slots missed altogether (the load process stood still) are left out, not sent in a burst that no
        user would send: the recorded ticks then show that the rate was not held.
        """
        missed = max(0, math.floor((now - self._due) / self._interval_seconds))
        slot = self._due + missed * self._interval_seconds
        self._due = slot + self._interval_seconds
        return max(0.0, slot - now)
