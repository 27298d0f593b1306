"""Looks at Postgres's connections while it is used: how many there are at a time, and how many were ever opened."""

import threading
import time
from types import TracebackType
from typing import LiteralString, Self

import psycopg

from chaos.errors import SignalUnavailable
from chaos.machine.interrupts import Interrupts
from chaos.reach.postgres import Connection, connect

_EVERY_SECONDS = 0.02
_SETTLED_AFTER_SECONDS = 1.0
_SETTLED_WITHIN_SECONDS = 20.0
_COUNTED_WITHIN_SECONDS = 5.0
_AT_MOST_LATE_SECONDS = 1.0
_NOW = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, %s)"
_EVER = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"


class PostgresWatch:
    """A connection of its own that counts others, those whose application name begins so; its own is not one."""

    def __init__(self, dsn: str, of: str) -> None:
        self._dsn, self._of = dsn, of
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._broken = ""
        self._longest_gap = 0.0
        self._most = self._now = 0

    def __enter__(self) -> Self:
        """Raises SignalUnavailable where Postgres does not answer."""
        try:
            self._counting, self._asking = connect(self._dsn, "claims-watch"), connect(self._dsn, "claims-ask")
            self.limit = _one(self._asking, "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'")
        except psycopg.Error as error:
            raise SignalUnavailable(f"Postgres does not answer: {error}") from error
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._counting.close()
        self._asking.close()

    @property
    def most(self) -> int:
        """The most at a time so far. Raises SignalUnavailable where it was not looked at all the time."""
        if self._broken:
            raise SignalUnavailable(f"Postgres's connections could not be counted: {self._broken}")
        if self._longest_gap > _AT_MOST_LATE_SECONDS:
            raise SignalUnavailable(f"Postgres's connections were not counted for {self._longest_gap:.1f} s")
        return self._most

    def settled(self, interrupts: Interrupts) -> None:
        """Wait until there are as many as a second before, 20 s at most: pools fill when their process starts.

        Raises SignalUnavailable, Interrupted.
        """
        deadline, since, before = time.monotonic() + _SETTLED_WITHIN_SECONDS, time.monotonic(), -1
        while time.monotonic() - since < _SETTLED_AFTER_SECONDS:
            if time.monotonic() > deadline:
                raise SignalUnavailable("Postgres's connections do not settle")
            if self._now != before:
                before, since = self._now, time.monotonic()
            interrupts.wait(_EVERY_SECONDS)

    def opened(self) -> int:
        """How many sessions the database has ever had, this watch's own included; waits for one that is counted late.

        A session is counted when it ends or is idle for a moment, up to a second after it was opened.
        """
        deadline, since, before = time.monotonic() + _COUNTED_WITHIN_SECONDS, time.monotonic(), -1
        while time.monotonic() - since < _SETTLED_AFTER_SECONDS and time.monotonic() < deadline:
            found = _one(self._asking, _EVER)
            if found != before:
                before, since = found, time.monotonic()
            self._over.wait(_EVERY_SECONDS)
        return before

    def _look(self) -> None:
        last = time.monotonic()
        try:
            while not self._over.wait(_EVERY_SECONDS):
                self._now = _one(self._counting, _NOW, self._of)
                self._most = max(self._most, self._now)
                self._longest_gap = max(self._longest_gap, time.monotonic() - last)
                last = time.monotonic()
        except psycopg.Error as error:
            self._broken = str(error)


def _one(connection: Connection, query: LiteralString, *values: str) -> int:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])
