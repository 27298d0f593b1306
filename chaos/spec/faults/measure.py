"""How it is measured that a fault met somebody, and the least that counts: one row for each way.

A fault that met nobody was not injected, whatever was done: nothing of the system's tolerance was seen.
"""

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """What is counted."""

    INSTANCES = "instances"
    """Bytes that came in at the ports of each instance before the fault, monitoring's among them; of an HAProxy server
    the requests it was given, as 100 bytes each. Of one that answers users their requests are counted instead, in the
    load's own file."""
    LINKS = "links"
    """Bytes that callers sent through each link before the fault.

    Toxiproxy's own counters (`-proxy-metrics`) grow only when a connection ends, by all that it ever carried: so the
    kernel is asked for the sockets of its process.
    """
    SERVERS = "servers"
    """Requests that HAProxy gave each server before the fault."""
    COMMANDS = "commands"
    """Commands that clients gave the nodes of the Redis Cluster before the fault; what monitoring asks is none."""
    STATEMENTS = "statements"
    """How often clients read or wrote tables of the Postgres database before the fault; catalogues are none."""
    WAITS = "waits"
    """Statements that were seen waiting for the lock, in looks a second apart."""
    PAGES = "pages"
    """Pages that were refused while it lasted."""
    NOTICES = "notices"
    """Alerts that Alertmanager was given while it lasted: a way of pages carries nothing until there is one to send."""
    USERS = "users"
    """Users' requests that came while it lasted: who is hit is whoever uses the machine, or the whole."""

    @property
    def least(self) -> float:
        """Below that it met nobody."""
        return _TABLE[self].least

    @property
    def before(self) -> bool:
        """Whether it is counted from the begin of the baseline until the fault; else while it lasts."""
        return _TABLE[self].before


@dataclass(frozen=True, slots=True)
class _Row:
    least: float
    before: bool


_TABLE = {
    # Some requests in any protocol; more than what keeps a connection open, and than one that only came and went.
    Measure.INSTANCES: _Row(300.0, before=True),
    Measure.LINKS: _Row(300.0, before=True),
    Measure.SERVERS: _Row(10.0, before=True),
    Measure.COMMANDS: _Row(10.0, before=True),
    Measure.STATEMENTS: _Row(10.0, before=True),
    Measure.WAITS: _Row(1.0, before=False),
    Measure.PAGES: _Row(1.0, before=False),
    Measure.NOTICES: _Row(1.0, before=False),
    Measure.USERS: _Row(10.0, before=False),
}
