"""Runs one query over and over on several connections."""

import threading
import time

import psycopg
from psycopg.errors import QueryCanceled

from chaos.agents.job import Job
from chaos.reach.postgres import Connection, connect

_TELL_EVERY_SECONDS = 0.5
_END_WITHIN_SECONDS = 1.0


def run(job: Job) -> None:
    """Run `query` on `connections` connections until told to stop, then cancel what still runs."""
    dsn, name = job.arguments["dsn"], job.arguments["application_name"]
    opened = [connect(dsn, name) for _ in range(int(job.arguments["connections"]))]
    done = [0] * len(opened)

    def work(place: int) -> None:
        while not job.stopped and not opened[place].closed:
            try:
                # The query is the experiment's author's, who may do to this Postgres what he likes.
                opened[place].execute(job.arguments["query"].encode())
            except (QueryCanceled, psycopg.OperationalError):
                continue
            done[place] += 1

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(opened))]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    while not job.stopped:
        alive = sum(thread.is_alive() for thread in threads)
        job.report(alive == len(threads), f"{alive} queries at a time, {sum(done)} done in {_since(began)}")
        job.wait(_TELL_EVERY_SECONDS)
    _end(opened, threads)


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


def _end(opened: list[Connection], threads: list[threading.Thread]) -> None:
    deadline = time.monotonic() + _END_WITHIN_SECONDS
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        # Again and again: one that comes between two queries cancels nothing.
        for connection in opened:
            connection.cancel()
        time.sleep(0.05)
