"""`postgres.…`: somebody else uses the same Postgres badly: holds locks, takes connections, computes.

Each is done by an agent with connections of its own, straight to the server.
"""

from typing import Annotated, Any, Literal

import msgspec
import psycopg

from chaos.errors import FaultFailed
from chaos.faults import agent
from chaos.faults.fault import FaultFields, Proof, System
from chaos.reach.postgres import Connection, connect
from chaos.spec.values import Duration

_MOST_QUERIES = 16  # so many CPU-bound backends leave a machine of two cores able to answer an undo
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="

Table = Annotated[str, msgspec.Meta(pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$")]


class _ByAgent(FaultFields, frozen=True):
    """A fault of Postgres that an agent keeps up."""

    def kind(self) -> str:
        """The agent's module."""
        raise NotImplementedError

    def arguments(self, connection: Connection) -> dict[str, Any]:
        """What the agent is told; `connection` is for looking. Raises FaultFailed when it cannot or must not be."""
        raise NotImplementedError

    def check(self, system: System) -> None:
        """See Fault."""
        with _looking(system) as connection:
            self.arguments(connection)
            if left := _connections(connection, self._name()):
                raise FaultFailed(f"{left} connections of {self._name()} are there already: `make undo` ends them")

    def inject(self, system: System) -> str:
        """See Fault."""
        with _looking(system) as connection:
            told = self.arguments(connection)
        told |= {"dsn": system.target.postgres, "application_name": self._name()}
        return agent.start(system, self._name(), self.kind(), told, self.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        return agent.acts(system, self._name())

    def undo(self, system: System) -> None:
        """See Fault."""
        agent.stop(system, self._name())
        with _looking(system) as connection:
            # A backend may go on with what a killed agent asked for.
            connection.execute(f"{_TERMINATE} %s".encode(), (self._name(),))

    def undone(self, system: System) -> Proof:
        """See Fault."""
        ended = agent.stopped(system, self._name())
        if not ended.holds:
            return ended
        with _looking(system) as connection:
            left = _connections(connection, self._name())
        return Proof(not left, f"{ended.detail}, {left or 'none'} of its connections are left")

    def by_hand(self) -> str:
        """See Fault."""
        ended = f"{_TERMINATE} '{self._name()}'"
        return f'{agent.by_hand("<state folder>", self._name())}; psql -c "{ended}"'

    def _name(self) -> str:
        return f"stormdrill-{self.__struct_config__.tag}"


class HoldLocks(_ByAgent, frozen=True, kw_only=True, tag="postgres.hold_locks"):
    """A migration or a careless transaction keeps tables locked."""

    tables: Annotated[list[Table], msgspec.Meta(min_length=1, max_length=10)]
    """Such as `shop.orders`."""
    mode: Literal["ACCESS EXCLUSIVE", "EXCLUSIVE"] = "ACCESS EXCLUSIVE"
    """Against readers and writers, or against writers only."""
    at_a_time: Duration | None = None
    """How long each time, after which whoever waits comes first; None: for as long as the fault lasts."""

    def kind(self) -> str:
        """See above."""
        return "postgres_locks"

    def arguments(self, connection: Connection) -> dict[str, Any]:
        """See above."""
        for table in self.tables:
            if _one(connection, "SELECT to_regclass(%s) IS NULL", (table,)):
                raise FaultFailed(f"Postgres has no table {table}")
        at_a_time = self.at_a_time.in_seconds if self.at_a_time else 0.0
        return {"tables": self.tables, "mode": self.mode, "at_a_time_seconds": at_a_time}

    def describe(self) -> str:
        """See Fault."""
        pace = f"for {self.at_a_time} at a time, " if self.at_a_time else ""
        return f"{', '.join(self.tables)} locked ({self.mode.lower()}) {pace}for {self.for_}"


class TakeConnections(_ByAgent, frozen=True, kw_only=True, tag="postgres.take_connections"):
    """Somebody else opens connections and keeps them."""

    share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    """Of the slots that are not reserved for superusers, those in use by others included."""

    def kind(self) -> str:
        """See above."""
        return "postgres_connections"

    def arguments(self, connection: Connection) -> dict[str, Any]:
        """See above."""
        limit = "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        for_users, used = (
            int(_one(connection, f"SELECT {limit}")),
            int(_one(connection, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")),
        )
        slots = int(for_users * self.share)
        if slots <= used:
            raise FaultFailed(f"{used} of {for_users} slots are in use already, so that {slots} is nothing to take")
        return {"slots": slots, "most": for_users}

    def describe(self) -> str:
        """See Fault."""
        return f"{self.share:.0%} of Postgres's connection slots in use for {self.for_}"


class SlowQueries(_ByAgent, frozen=True, kw_only=True, tag="postgres.slow_queries"):
    """Somebody else's reports compute in the same server."""

    query: str
    connections: Annotated[int, msgspec.Meta(ge=1, le=_MOST_QUERIES)]
    """Queries at a time, each again and again."""

    def kind(self) -> str:
        """See above."""
        return "postgres_queries"

    def arguments(self, connection: Connection) -> dict[str, Any]:
        """See above."""
        try:
            # Planned, not run: what is misspelt is found before anything is done.
            connection.execute(f"EXPLAIN {self.query}".encode())
        except psycopg.errors.Error as error:
            raise FaultFailed(f"Postgres refuses the query: {error}") from error
        return {"query": self.query, "connections": self.connections}

    def describe(self) -> str:
        """See Fault."""
        return f"{self.connections} expensive queries at a time for {self.for_}"


def _looking(system: System) -> Connection:
    if not system.target.postgres:
        raise FaultFailed("the target names no Postgres")
    try:
        return connect(system.target.postgres, "stormdrill")
    except psycopg.OperationalError as error:
        raise FaultFailed(f"Postgres does not answer: {error}") from error


def _connections(connection: Connection, name: str) -> int:
    return int(_one(connection, "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (name,)))


def _one(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> Any:
    row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return row[0]
