"""Compares the clocks of those who watch with ours: a source may run on a machine whose clock is set otherwise."""

from collections.abc import Callable

from chaos.errors import SignalUnavailable
from chaos.facts.clocks import ClockSeen

Now = Callable[[], float]
"""Seconds since the run's start, which no clock that is set moves."""


def compare(source: str, zero: float, now: Now, ask: Callable[[], float], coarse_seconds: float = 0.0) -> ClockSeen:
    """Ask a source for its time. `zero` is ours at the run's start; `coarse_seconds` is what its answer leaves out.

    Never raises: that it did not answer is a fact too.
    """
    asked = now()
    try:
        told = ask() + coarse_seconds / 2
    except SignalUnavailable as error:
        return ClockSeen(asked, source, 0.0, 0.0, str(error))
    answered = now()
    between = (asked + answered) / 2
    return ClockSeen(answered, source, told - (zero + between), (answered - asked + coarse_seconds) / 2)


def differ(seen: ClockSeen) -> bool:
    """Whether it is surely another time: what an answer's own duration explains is no difference."""
    return seen.error is None and abs(seen.ahead_seconds) > seen.uncertain_seconds
