"""How far the clocks of those who watch are from ours."""

from chaos.facts.fact import Fact


class ClockSeen(Fact, frozen=True, tag="clock_seen"):
    """One comparison of a source's clock with ours; by the first, what it says of times is recorded in ours."""

    source: str
    ahead_seconds: float
    """How far it was ahead of ours; negative: behind."""
    uncertain_seconds: float
    """Half the time the question took, and half of what its answer leaves out."""
    error: str | None = None
    """Why it gave no answer; None when it did."""
