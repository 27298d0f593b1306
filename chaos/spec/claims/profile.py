"""How much is asked of a system, and when: stages in turn, each a step, a ramp, a burst, or users who wait for answers.

All but the last are open: each request has a time at which it is due, whatever became of those before it.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec

from chaos.spec.values import Duration


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"for_": "for"}):
    """One part of a load; exactly one of `rate`, `at_once` and `users` says of which kind."""

    for_: Duration
    """How long it lasts; of a burst, how long its answers are waited for."""
    rate: float | None = None
    """Requests a second."""
    to: float | None = None
    """With `rate`: the rate at the stage's end, changed evenly."""
    at_once: int | None = None
    """So many requests, all due at the stage's beginning."""
    users: int | None = None
    """So many, each of whom asks anew when he was answered: closed, and so no measure of latency."""

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.rate, self.at_once, self.users)) != 1:
            raise ValueError("a stage has one of rate, at_once and users")
        if self.to is not None and self.rate is None:
            raise ValueError("to: needs a rate from which the stage begins")
        if min(self.rate or 0.0, self.to or 0.0, self.at_once or 0, self.users or 0) < 0:
            raise ValueError("a load is not negative")

    @property
    def closed(self) -> bool:
        """Whether nobody asks before he was answered."""
        return self.users is not None

    @property
    def requests(self) -> float:
        """How many are due in it; of a closed one nobody knows."""
        if self.at_once is not None:
            return float(self.at_once)
        return ((self.rate or 0.0) + self._last_rate) / 2 * self.for_.in_seconds

    @property
    def _last_rate(self) -> float:
        return (self.rate or 0.0) if self.to is None else self.to

    def due(self, number: float) -> float:
        """When so many requests are due, in seconds since the stage's beginning."""
        if self.at_once is not None or number <= 0:
            return 0.0
        first, seconds = self.rate or 0.0, self.for_.in_seconds
        # The requests due by t are first·t + slope·t²/2; this root is the exact one also where the slope is 0.
        slope = (self._last_rate - first) / seconds
        inside = max(0.0, first * first + 2 * slope * number)
        below = first + math.sqrt(inside)
        return min(seconds, 2 * number / below) if below else seconds


Profile = Sequence[Stage]
_ROUNDING = 1e-6


def seconds(profile: Profile) -> float:
    """How long it lasts."""
    return math.fsum(stage.for_.in_seconds for stage in profile)


def due(profile: Profile) -> Iterator[tuple[int, float]]:
    """Each request of the open stages: its stage's place, and when it is due in seconds since the profile's beginning.

    The first of all is due at once, and what a stage leaves of an interval counts in the next: no rounding adds up.
    """
    began, before = 0.0, 0.0
    for place, stage in enumerate(profile):
        if stage.at_once is not None:
            yield from ((place, began) for _ in range(stage.at_once))
        elif not stage.closed:
            after = before + stage.requests
            # A request that is due at the border of two stages belongs to the later one, whatever rounding made of it.
            first, last = math.ceil(before - _ROUNDING), math.ceil(after - _ROUNDING)
            yield from ((place, began + stage.due(number - before)) for number in range(first, last))
            before = after
        began += stage.for_.in_seconds
