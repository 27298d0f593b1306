"""How much load, and how patient its users are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

FEWEST_REQUESTS = 20
"""Fewer say nothing about a share or a quantile."""
_A_TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """One load. ValueError if the rate could not be held with these numbers."""

    # Requests started each second, by all users together, however slow the system is.
    rate_per_second: float = 50.0
    # From one request of a user to the user's next.
    pacing: timedelta = timedelta(seconds=2.5)
    # After which a user gives up: the whole exchange, connect to last byte.
    timeout: timedelta = timedelta(seconds=2)
    # How long requests in flight may take to end once the load is told to stop. Longer than the
    # time-out, so that each of them still gets its true outcome.
    drain: timedelta = timedelta(seconds=2.5)
    # The load ends by itself after this long, even if nobody is left to stop it.
    max_duration: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        for name in ("pacing", "timeout", "max_duration"):
            if getattr(self, name) <= timedelta():
                raise ValueError(f"{name}: must be longer than nothing")
        if self.drain < timedelta():
            raise ValueError("drain: must not be negative")
        if self.rate_per_second <= 0:
            raise ValueError("rate_per_second: must be above zero")
        # A user that still waits for an answer cannot send: the rate would sink exactly when the
        # system is slow, and hide it (coordinated omission).
        if self.timeout >= self.pacing:
            raise ValueError("timeout: must be shorter than pacing, or a slow system slows its users down")

    @property
    def users(self) -> int:
        """As many as the rate needs at this pacing, rounded up."""
        return math.ceil(self.rate_per_second * self.pacing.total_seconds())

    @property
    def user_interval_seconds(self) -> float:
        """The pacing that gives exactly the rate with a whole number of users."""
        return self.users / self.rate_per_second

    @property
    def telling_seconds(self) -> float:
        """In any span of so many seconds enough requests are sent, and are over, to say something of them."""
        return FEWEST_REQUESTS / self.rate_per_second + self.timeout.total_seconds() + _A_TICK_SECONDS

    def as_fact(self) -> dict[str, float]:
        return {
            "rate_per_second": self.rate_per_second,
            "pacing_seconds": self.pacing.total_seconds(),
            "timeout_seconds": self.timeout.total_seconds(),
            "drain_seconds": self.drain.total_seconds(),
            "max_seconds": self.max_duration.total_seconds(),
        }

    @classmethod
    def from_fact(cls, fact: Mapping[str, float]) -> "LoadSettings":
        return cls(
            rate_per_second=fact["rate_per_second"],
            pacing=timedelta(seconds=fact["pacing_seconds"]),
            timeout=timedelta(seconds=fact["timeout_seconds"]),
            drain=timedelta(seconds=fact["drain_seconds"]),
            max_duration=timedelta(seconds=fact["max_seconds"]),
        )
