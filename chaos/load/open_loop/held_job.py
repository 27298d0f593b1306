"""What a process that holds connections is told, as one JSON file."""

import msgspec

from chaos.load.open_loop.job import Asked


class HeldJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Its share of all connections: each is opened when it is due, and asks again and again from then on."""

    host: str
    port: int
    requests: list[Asked]
    """Each connection's next question is the next of these."""
    connections: int
    source: str
    """The local address that all come from; it has ports for 28,000."""
    first_seconds: float
    """When the first is due, from the first phase's beginning."""
    apart_seconds: float
    """So long after one the next is due."""
    every_seconds: float
    """So long after a question the same connection has its next."""
    phases: list[str]
    """Each SIGUSR1 begins the next of them, and the one after the last ends all; a line of OUT says so."""
    at_most_seconds: float
    """After which the process is ended, whatever hangs."""
    timeout_seconds: float = 5.0
    """From when a request was due, until its connection is given up; opening it counts."""
    tag_header: str = ""
    """Latencies are counted apart by this header of the answer."""
    name: str = ""
    labels: dict[str, str] = {}
    origin: float = 0.0
    """The recording's zero on the monotonic clock."""

    def __post_init__(self) -> None:
        # What waits for an answer when its next turn comes would not ask, and nobody would see that it waits.
        if self.timeout_seconds >= self.every_seconds:
            raise ValueError("timeout_seconds: a connection must be given up before its next turn")
