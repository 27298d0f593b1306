"""`postgres.…`: somebody else uses the same Postgres badly: holds locks, takes connections, computes.

Each is done by an agent with connections of its own, straight to the server.
"""

from typing import Annotated, ClassVar, Literal

import msgspec

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure
from chaos.spec.values import Duration

_MOST_QUERIES = 16  # so many CPU-bound backends leave a machine of two cores able to answer an undo
Table = Annotated[str, msgspec.Meta(pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$")]


class ByAgent(FaultFields, frozen=True):
    """A fault of Postgres that an agent keeps up."""


class HoldLocks(ByAgent, frozen=True, kw_only=True, tag="postgres.hold_locks"):
    """A migration or a careless transaction keeps tables locked."""

    MEASURE: ClassVar = Measure.WAITS

    tables: Annotated[list[Table], msgspec.Meta(min_length=1, max_length=10)]
    """Such as `shop.orders`."""
    mode: Literal["ACCESS EXCLUSIVE", "EXCLUSIVE"] = "ACCESS EXCLUSIVE"
    """Against readers and writers, or against writers only."""
    at_a_time: Duration | None = None
    """How long each time, after which whoever waits comes first; None: for as long as the fault lasts."""

    def describe(self) -> str:
        pace = f"for {self.at_a_time} at a time, " if self.at_a_time else ""
        return f"{', '.join(self.tables)} locked ({self.mode.lower()}) {pace}for {self.for_}"


class TakeConnections(ByAgent, frozen=True, kw_only=True, tag="postgres.take_connections"):
    """Somebody else opens connections and keeps them."""

    MEASURE: ClassVar = Measure.STATEMENTS

    share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    """Of the slots that are not reserved for superusers, those in use by others included."""

    def describe(self) -> str:
        return f"{self.share:.0%} of Postgres's connection slots in use for {self.for_}"


class SlowQueries(ByAgent, frozen=True, kw_only=True, tag="postgres.slow_queries"):
    """Somebody else's reports compute in the same server."""

    MEASURE: ClassVar = Measure.STATEMENTS

    query: str
    connections: Annotated[int, msgspec.Meta(ge=1, le=_MOST_QUERIES)]
    """Queries at a time, each again and again."""

    def describe(self) -> str:
        return f"{self.connections} expensive queries at a time for {self.for_}"
