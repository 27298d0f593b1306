"""The process that asks: a server that stands still is seen by all who came meanwhile, and a client that does is told.

Against a server of its own, a process that answers at once, which signals stop and let go on.
"""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chaos.claims.loading import Loading
from chaos.facts.claims import histogram
from chaos.judge.claims.judge import judge
from chaos.load.open_loop.job import Asked, Job
from chaos.machine.interrupts import Interrupts
from chaos.spec.claims.profile import Stage
from chaos.spec.values import Duration
from chaos.verdict.claims import ClientLate
from tests.ports import free_port
from tests.unit.chaos.claims.made_up import recording
from tests.waiting import until

SERVER = """
import asyncio, sys
async def serve(reader, writer):
    while line := await reader.readline():
        path = line.split()[1]
        while (await reader.readline()).strip():
            pass
        if path == b"/silent":
            continue
        status = b"503 No" if path == b"/no" else b"200 OK"
        tag = b"x-tier: " + path[1:]
        writer.write(b"HTTP/1.1 " + status + b"\\r\\n" + tag + b"\\r\\ncontent-length: 5\\r\\n\\r\\nhello")
        if path == b"/bye":
            writer.close()
            return
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=2048) as server:
        await server.serve_forever()
asyncio.run(main())
"""
STOPPED_SECONDS = 1.0


@pytest.fixture(scope="module")
def server():
    port = free_port()
    process = subprocess.Popen((sys.executable, "-c", SERVER, str(port)), start_new_session=True)
    try:
        until(lambda: _listens(port))
        yield process, port
    finally:
        process.kill()
        process.wait()


def _listens(port):
    return subprocess.run(
        (sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"), check=False,
        capture_output=True,
    ).returncode == 0  # fmt: skip


@pytest.fixture
def load(server, tmp_path):
    started = []

    def start(*stages, **more):
        requests = [Asked(path) for path in more.pop("paths", ["/"])]
        job = Job(
            host="127.0.0.1", port=server[1], requests=requests, profile=list(stages), name="test",
            **({"connections": 8, "timeout_seconds": 5.0} | more),
        )  # fmt: skip
        started.append(Loading(tmp_path, job, Interrupts()))
        return started[-1]

    yield start
    for one in started:
        one.end()


def rate(per_second, seconds, **more):
    return Stage(for_=Duration(seconds=seconds), rate=float(per_second), **more)


def stand_still(pid, seconds):
    """Stop a process for so long, and see that it stood still."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: _state(pid) == "T")
    threading.Timer(seconds, os.kill, (pid, signal.SIGCONT)).start()


def _state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_server_that_stands_still_for_a_second_is_in_the_p99(server, load):
    under_way = load(rate(200, 5))
    under_way.begun()
    stand_still(server[0].pid, STOPPED_SECONDS)
    (seen,) = under_way.seen()
    assert (seen.answered, seen.sent, seen.failures) == (1000, 1000, 0)
    # A fifth of the requests were due while it stood still; the one in a hundred that waited longest had nearly all of
    # the second before it. From when they were sent, all but one a connection would have been quick.
    assert histogram.quantile(seen.latencies, 0.99) > 0.9 * STOPPED_SECONDS
    slow = sum(count for bucket, count in seen.latencies if histogram.end(bucket) > STOPPED_SECONDS / 10)
    assert slow > 100, "only those that were on their way waited"
    waited = sum(count for bucket, count in seen.service if histogram.end(bucket) > STOPPED_SECONDS / 10)
    assert waited < slow / 2, "no connection asks anew before it is answered"


def test_a_client_that_stands_still_is_told_and_the_claim_with_it_is_inconclusive(load):
    under_way = load(rate(200, 3))
    under_way.begun()
    stand_still(under_way.pid, STOPPED_SECONDS)
    (seen,) = under_way.seen()
    assert histogram.quantile(seen.lag, 0.99) > STOPPED_SECONDS / 2
    assert ClientLate in map(type, judge("smaller", recording("smaller", seen), _Nothing()).findings)


class _Nothing:
    def measures(self, _):
        return ()

    def pictures(self, _):
        return ()


def test_every_request_that_was_due_is_accounted_for(load):
    stages = [rate(100, 0.5, to=300.0), Stage(for_=Duration(seconds=1), at_once=200), rate(50, 0.5)]
    seen = load(*stages, paths=["/", "/a", "/no"], in_turn=True, tag_header="X-Tier").seen()
    assert [one.answered + one.failures for one in seen] == [100, 200, 25]
    assert {kind for one in seen for kind in one.failed} == {"status 503"}
    assert sum(one.failures for one in seen) == 108
    for one in seen:
        assert histogram.count(one.latencies) == one.answered == sum(map(histogram.count, one.by_tag.values()))
        assert one.body_bytes == 5 * (one.answered + one.failures)
        assert sum(second.answered for second in one.per_second) == one.answered
    assert seen[0].by_tag.keys() == {"", "a"}


def test_who_is_never_answered_has_failed_when_the_time_is_up(load):
    began = time.monotonic()
    (seen,) = load(Stage(for_=Duration(seconds=1), at_once=20), paths=["/silent"], timeout_seconds=0.5).seen()
    # Eight were sent, on eight connections; those that waited for one had as little time.
    assert seen.failed == {"timeout": 8, "never sent": 12}
    assert time.monotonic() - began > 0.5


def test_a_connection_that_is_closed_is_opened_again(load):
    (seen,) = load(rate(100, 1), paths=["/bye"]).seen()
    assert seen.answered + seen.failures == 100
    assert seen.answered > 50, seen.failed


def test_closed_users_ask_again_as_soon_as_they_are_answered(load):
    (seen,) = load(Stage(for_=Duration(seconds=1), users=4)).seen()
    assert seen.closed
    assert seen.answered > 100
    assert seen.failures == 0
    assert histogram.count(seen.lag) > 10, "nobody looked at the client itself"


def test_a_server_that_is_not_there_is_said_so(tmp_path):
    job = Job(
        host="127.0.0.1", port=free_port(), requests=[Asked("/")], connections=1, profile=[rate(1, 1)], name="test"
    )
    under_way = Loading(tmp_path, job, Interrupts())
    with pytest.raises(Exception, match=r"the load did not begin: 0 of 1 connections"):
        under_way.begun()


def test_a_number_is_another_each_time(load, tmp_path):
    from chaos.load.open_loop.wire import wires

    job = Job(host="h", port=1, requests=[Asked("/%N%", headers={"Idempotency-Key": "%N%"})], connections=1)
    some = list(itertools.islice(wires(job), 100)) + list(itertools.islice(wires(job), 100))
    assert len(set(some)) == 200
