"""Takes Postgres's connection slots and keeps them, taking up again what is lost or comes free."""

import contextlib

import psycopg

from chaos.agents.job import Job
from chaos.reach.postgres import Connection, connect

_EVERY_SECONDS = 0.5
_AT_ONCE = 25  # a round must not be so long that nothing is told meanwhile


def run(job: Job) -> None:
    """Keep `slots` slots in use, those of everybody else included; at most `most` are ours."""
    dsn, name = job.arguments["dsn"], job.arguments["application_name"]
    slots, most = int(job.arguments["slots"]), int(job.arguments["most"])
    with contextlib.ExitStack() as opened:
        watcher = opened.enter_context(connect(dsn, name))
        mine: list[Connection] = []
        while not job.stopped:
            mine = [one for one in mine if not one.closed]
            with contextlib.suppress(psycopg.OperationalError):  # somebody else was faster: next round
                for _ in range(min(slots - _in_use(watcher), most - len(mine), _AT_ONCE)):
                    mine.append(opened.enter_context(connect(dsn, name)))
            taken = _in_use(watcher)
            job.report(taken >= slots or len(mine) >= most, f"{taken} slots in use, {len(mine) + 1} of them ours")
            job.wait(_EVERY_SECONDS)


def _in_use(watcher: Connection) -> int:
    row = watcher.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'").fetchone()
    assert row is not None
    return int(row[0])
