"""What the process manager and the machine say, and that one who watches failed."""

from chaos.facts.fact import Fact


class ProcessesSeen(Fact, frozen=True, tag="processes_seen"):
    """What the process manager said, only where it changed since the last look."""

    states: dict[str, str]


class MachineSeen(Fact, frozen=True, tag="machine_seen"):
    """One look at the machine that all of this runs on."""

    cpu_waited: float
    """For how long since boot some process that could run had no CPU, in seconds."""


class PollFailed(Fact, frozen=True, tag="poll_failed"):
    """One who watches stumbled over an answer; it looks again a second later."""

    error: str
