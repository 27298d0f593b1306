"""Brings a service's tables and seed into Postgres."""

from pathlib import Path

import psycopg

# Any number, the same for all services: two migrations at once take turns.
_LOCK = 7_301_955


def apply_schema(dsn: str, path: Path) -> None:
    """Run a file of statements that are safe to repeat, in one transaction.

    Raises psycopg.OperationalError if Postgres cannot be reached within ten seconds.
    """
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        # CREATE ... IF NOT EXISTS is not safe against a twin that runs at the same moment.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(path.read_bytes())
