"""What `make bench` concludes: what a worker takes at rest is no request's, and each kind of them was answered."""

import asyncio
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import connections_client, observability
from tests.bench.traffic import KINDS, Traffic
from tests.bench.worker import Variant

KIND = Traffic("some", 101, lambda *_: b"", {})
COSTS_US = [100.0, 200.0, 300.0]


class Machine:
    """On which time passes while somebody is asked, or nobody."""

    def __init__(self, costs_us, at_rest):
        self.now = 0.0
        self.workers = [
            SimpleNamespace(variant=Variant(str(cost), {}), served=0, at_rest=0.0, cost=cost * 1e-6)
            for cost in costs_us
        ]
        for one in self.workers:
            one.users = SimpleNamespace(failures=[], send=lambda requests, one=one: self.serve(one, len(requests)))
            one.cpu_seconds = lambda one=one: one.served * one.cost + at_rest * self.now

    def serve(self, worker, number):
        worker.served += number
        self.now += number * worker.cost

    def sleep(self, seconds):
        self.now += seconds

    def monotonic(self):
        return self.now


@given(at_rest=st.floats(0, 0.2), rounds=st.integers(1, 4))
def test_what_a_worker_takes_at_rest_is_no_part_of_a_request(at_rest, rounds):
    machine = Machine(COSTS_US, at_rest)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(observability, "time", machine)
        observability._look_at_rest(machine.workers)
        for number in range(rounds):
            observability._serve_round(machine.workers, KIND, number, None, keep=True)
    for worker, cost in zip(machine.workers, COSTS_US, strict=True):
        assert worker.variant.microseconds["some"] == pytest.approx([cost] * rounds, rel=1e-3)


def test_each_begins_a_round_in_turn():
    machine, asked = Machine(COSTS_US, 0.0), []
    for one in machine.workers:
        one.users.send = lambda _, one=one: asked.append(one.variant.name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(observability, "time", machine)
        for number in range(3):
            observability._serve_round(machine.workers, KIND, number, None, keep=False)
    assert {asked[0], asked[6], asked[12]} == {"100.0", "200.0", "300.0"}


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_a_kind_of_which_many_fail_was_not_measured_however_many_others_were_answered(kind):
    rounds, one = 9, Variant("one", {})
    most = next(each.requests for each in KINDS if each.name == kind) * (rounds + 1) // 100
    one.failed[kind] = most
    assert observability._all_answered([one], rounds)
    one.failed[kind] = most + 1
    assert not observability._all_answered([one], rounds)


@pytest.fixture
def server():
    """A port that answers each request at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            accepted, _ = listening.accept()
            with accepted:
                while accepted.recv(65536):
                    accepted.sendall(b"HTTP/1.1 200 OK\r\nx-served-by: cache\r\ncontent-length: 2\r\n\r\nok")

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def test_a_client_that_is_late_itself_has_it_in_what_it_measured(server):
    async def one():
        seen = connections_client.Seen()
        loop = asyncio.get_running_loop()
        made = loop.create_connection(lambda: connections_client.Connection(seen), "127.0.0.1", server)
        transport, asking = await made
        asking.ask(b"GET / HTTP/1.1\r\n\r\n", time.perf_counter() - 1.0)
        await connections_client._answered([asking])
        transport.abort()
        return seen

    assert asyncio.run(one()).seconds[0] >= 1.0
