"""Holds tables locked: for good, or each time for a while, and is then at once the last in the queue for them.

Whoever waited comes first, and whoever comes later waits for the next round: how many get through in between is
neither a matter of a pause's length nor of the machine's speed.
"""

import contextlib
from collections.abc import Sequence

from psycopg import sql
from psycopg.errors import DeadlockDetected, LockNotAvailable

from chaos.agents.job import Job
from chaos.reach.postgres import Connection, connect

_TELL_EVERY_SECONDS = 0.5
# Longer than any use of a connection by a service that has a time-out.
_LOCKED_WITHIN_MS = 4000


def run(job: Job) -> None:
    """Hold `tables` locked in `mode`, each time for `at_a_time_seconds`; 0: until the job shall end."""
    tables, at_a_time = list(job.arguments["tables"]), float(job.arguments["at_a_time_seconds"])
    rounds = 0
    with connect(job.arguments["dsn"], job.arguments["application_name"]) as connection:
        connection.execute(f"SET lock_timeout = {_LOCKED_WITHIN_MS}")
        while not job.stopped:
            rounds += 1
            # Whoever locks in another order than we do makes a ring; Postgres then ends one of the two.
            with contextlib.suppress(DeadlockDetected), connection.transaction():
                _lock(connection, tables, job.arguments["mode"])
                _hold(job, connection, at_a_time, f"{', '.join(tables)} locked, round {rounds}")


def _lock(connection: Connection, tables: Sequence[str], mode: str) -> None:
    # All in one statement, in the order given: two of us would not wait for each other in a ring.
    names = sql.SQL(", ").join(sql.Identifier(*table.split(".")) for table in tables)
    try:
        connection.execute(sql.SQL("LOCK TABLE {} IN {} MODE").format(names, sql.SQL(mode)))
    except LockNotAvailable as error:
        raise SystemExit(f"no lock within {_LOCKED_WITHIN_MS} ms: {error}") from error


def _hold(job: Job, connection: Connection, seconds: float, detail: str) -> None:
    left = seconds if seconds else float("inf")
    while left > 0:
        # Also shows that the transaction, and with it the locks, is still there.
        connection.execute("SELECT 1")
        job.report(True, detail)
        if job.wait(min(left, _TELL_EVERY_SECONDS)):
            return
        left -= _TELL_EVERY_SECONDS
