"""`postgres.…`: somebody else uses the same Postgres badly: holds locks, takes connections, computes.

Each is done by an agent with connections of its own, straight to the server.
"""

from typing import Any, TypeVar

import psycopg

from chaos.errors import FaultFailed
from chaos.faults import agent
from chaos.faults.hands import OURS, Hands, Proof, System, open_name
from chaos.reach.postgres import Connection, connect
from chaos.spec.faults.postgres import ByAgent, HoldLocks, SlowQueries, TakeConnections

AnyByAgent = TypeVar("AnyByAgent", bound=ByAgent)

_WAITING = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND application_name <> %s"
    " AND relation IN (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)"
)
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="


class ByAgentHands(Hands[AnyByAgent]):
    """What these faults have in common."""

    def kind(self) -> str:
        """The agent's module."""
        raise NotImplementedError

    def arguments(self, connection: Connection) -> dict[str, Any]:
        """What the agent is told; `connection` is for looking. Raises FaultFailed when it cannot or must not be."""
        raise NotImplementedError

    def check(self, system: System) -> None:
        with _looking(system) as connection:
            self.arguments(connection)
            if left := _connections(connection, self._open_name):
                raise FaultFailed(f"{left} connections of {self._open_name} are there already: `make undo` ends them")

    def inject(self, system: System) -> str:
        with _looking(system) as connection:
            told = self.arguments(connection)
        told |= {"dsn": system.target.postgres, "application_name": self._name(system)}
        return agent.start(system, self._open_name, self.kind(), told, self.fault.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        return agent.acts(system, self._open_name)

    def undo(self, system: System) -> None:
        agent.stop(system, self._open_name)
        with _looking(system) as connection:
            # A backend may go on with what a killed agent asked for.
            connection.execute(f"{_TERMINATE} %s".encode(), (self._name(system),))

    def undone(self, system: System) -> Proof:
        ended = agent.stopped(system, self._open_name)
        if not ended.holds:
            return ended
        with _looking(system) as connection:
            left = _connections(connection, self._name(system))
        return Proof(not left, f"{ended.detail}, {left or 'none'} of its connections are left")

    def by_hand(self) -> str:
        ended = f"{_TERMINATE} '{self._open_name}'"
        return f'{agent.by_hand("<state folder>", self._open_name)}; psql -c "{ended}"'

    def _name(self, system: System) -> str:
        """What its connections say of themselves."""
        return system.called(str(self.fault.__struct_config__.tag))

    @property
    def _open_name(self) -> str:
        return open_name(str(self.fault.__struct_config__.tag))


class HoldLocksHands(ByAgentHands[HoldLocks]):
    """Puts `postgres.hold_locks` in place and takes it back."""

    def kind(self) -> str:
        return "postgres_locks"

    def arguments(self, connection: Connection) -> dict[str, Any]:
        for table in self.fault.tables:
            if _one(connection, "SELECT to_regclass(%s) IS NULL", (table,)):
                raise FaultFailed(f"Postgres has no table {table}")
        at_a_time = self.fault.at_a_time.in_seconds if self.fault.at_a_time else 0.0
        return {"tables": self.fault.tables, "mode": self.fault.mode, "at_a_time_seconds": at_a_time}

    def meets(self, system: System) -> float | None:
        """How many statements of others wait for these tables."""
        with _looking(system) as connection:
            return float(_one(connection, _WAITING, (self._name(system), self.fault.tables)))


class TakeConnectionsHands(ByAgentHands[TakeConnections]):
    """Puts `postgres.take_connections` in place and takes it back."""

    def kind(self) -> str:
        return "postgres_connections"

    def arguments(self, connection: Connection) -> dict[str, Any]:
        limit = "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        for_users, used = (
            int(_one(connection, f"SELECT {limit}")),
            int(_one(connection, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")),
        )
        slots = int(for_users * self.fault.share)
        if slots <= used:
            raise FaultFailed(f"{used} of {for_users} slots are in use already, so that {slots} is nothing to take")
        return {"slots": slots, "most": for_users}


class SlowQueriesHands(ByAgentHands[SlowQueries]):
    """Puts `postgres.slow_queries` in place and takes it back."""

    def kind(self) -> str:
        return "postgres_queries"

    def arguments(self, connection: Connection) -> dict[str, Any]:
        try:
            # Planned, not run: what is misspelt is found before anything is done.
            connection.execute(f"EXPLAIN {self.fault.query}".encode())
        except psycopg.errors.Error as error:
            raise FaultFailed(f"Postgres refuses the query: {error}") from error
        return {"query": self.fault.query, "connections": self.fault.connections}


def _looking(system: System) -> Connection:
    if not system.target.postgres:
        raise FaultFailed("the target names no Postgres")
    try:
        return connect(system.target.postgres, system.covered(OURS))
    except psycopg.OperationalError as error:
        raise FaultFailed(f"Postgres does not answer: {error}") from error


def _connections(connection: Connection, name: str) -> int:
    return int(_one(connection, "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (name,)))


def _one(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> Any:
    row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return row[0]
