"""Deadlines, draining and quiet logs: the kit's rules about time."""

import asyncio
import logging
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from services.kit.lifecycle.state import Lifecycle, State
from services.kit.problems import DeadlineExceeded
from services.kit.resilience import deadline
from services.kit.telemetry.logging import RepetitionFilter

SECOND = timedelta(seconds=1)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_without_a_request_only_the_limit_counts():
    assert deadline.remaining_seconds(SECOND) == 1.0


@pytest.fixture
def still(monkeypatch):
    """Time stands still for deadlines."""
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: 100.0))


@pytest.mark.usefixtures("still")
def test_a_request_shortens_every_wait_to_what_is_left():
    async def request():
        deadline.start(timedelta(milliseconds=100))
        return deadline.remaining_seconds(SECOND)

    assert 0 < asyncio.run(request()) <= 0.1


def test_a_request_without_time_left_is_ended():
    async def request():
        deadline.start(timedelta(0))
        deadline.remaining_seconds(SECOND)

    with pytest.raises(DeadlineExceeded):
        asyncio.run(request())


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(
    ("header", "least", "most"),
    [(b"100", 0.05, 0.1), (b"5000", 0.9, 1.0), (b"soon", 0.9, 1.0), (b"-1", 0.9, 1.0), (b"9" * 10, 0.9, 1.0)],
)
def test_a_caller_may_only_shorten_the_deadline(header, least, most):
    async def request():
        deadline.start(SECOND, [(b"x-request-timeout-ms", header)])
        return deadline.remaining_seconds(timedelta(minutes=1))

    assert least < asyncio.run(request()) <= most


@pytest.mark.usefixtures("still")
def test_the_deadline_is_passed_on_as_what_is_left_of_it():
    async def request():
        deadline.start(timedelta(milliseconds=700))
        return int(deadline.to_headers()["x-request-timeout-ms"])

    assert 600 < asyncio.run(request()) <= 700
    assert deadline.to_headers() == {}


def test_draining_turns_unready_and_waits_for_open_requests():
    async def drain():
        lifecycle = Lifecycle(timedelta(0), CollectorRegistry())
        lifecycle.state = State.SERVING
        lifecycle.request_began()
        closed = asyncio.Event()
        draining = asyncio.create_task(lifecycle.drain(closed.set))
        await asyncio.sleep(0.01)
        seen = [(lifecycle.state, closed.is_set())]
        lifecycle.request_ended()
        await draining
        return [*seen, (lifecycle.state, closed.is_set())]

    assert asyncio.run(drain()) == [(State.DRAINING, False), (State.DRAINING, True)]


def test_draining_serves_on_while_users_are_still_sent_here():
    delay, closed = timedelta(milliseconds=200), []

    async def drain(who, *, is_check):
        lifecycle = Lifecycle(delay, CollectorRegistry())
        draining = asyncio.create_task(lifecycle.drain(lambda: closed.append(who)))
        await asyncio.sleep(0)
        lifecycle.request_began(is_check=is_check)
        lifecycle.request_ended()
        await draining

    async def drain_both():
        await asyncio.gather(drain("asked by a user", is_check=False), drain("asked by a check", is_check=True))

    began = time.monotonic()
    asyncio.run(drain_both())
    assert closed == ["asked by a check", "asked by a user"]
    # Twice the delay and no longer for somebody who goes on asking; the least is what can be measured without chance.
    assert time.monotonic() - began >= 2 * delay.total_seconds()


def test_draining_serves_on_until_those_who_check_were_told_often_enough():
    """A load balancer without CPU sends nothing, and does not know yet that nothing is wanted."""
    delay = timedelta(milliseconds=200)

    async def drain(closed, tellings):
        lifecycle = Lifecycle(delay, CollectorRegistry())
        lifecycle.tell_ready()
        began = time.monotonic()
        draining = asyncio.create_task(lifecycle.drain(lambda: closed.append((tellings, time.monotonic() - began))))
        await asyncio.sleep(0)
        for _ in range(tellings):
            lifecycle.tell_ready()
        await draining

    async def drain_both():
        closed = []
        await asyncio.gather(drain(closed, 3), drain(closed, 4))
        return closed

    # One that was asked too seldom serves on for as long as it may; the least is what can be measured without chance.
    closed = dict(asyncio.run(drain_both()))
    assert closed[4] >= delay.total_seconds()
    assert closed[3] >= 2 * delay.total_seconds()


def test_a_repetitive_library_is_heard_once_a_minute():
    clock = Clock()
    quiet = RepetitionFilter(clock=clock)
    export = logging.LogRecord("opentelemetry.exporter", logging.ERROR, "", 0, "failed %s", (1,), None)
    ours = logging.LogRecord("services.shop", logging.ERROR, "", 0, "failed", (), None)
    assert [bool(quiet.filter(export)) for _ in range(3)] == [True, False, False]
    assert all(quiet.filter(ours) for _ in range(3))
    clock.now += 61
    assert quiet.filter(export)
