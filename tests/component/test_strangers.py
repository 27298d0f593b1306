"""Whatever a stranger sends, no instance is ejected and no budget burns, be it of availability or of latency."""

import asyncio
import math
import socket
import struct
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest

from chaos.reach.haproxy import HAProxy
from compose.config.haproxy import PANIC, admin_socket
from tests.component import objectives, stranger
from tests.waiting import until

pytestmark = pytest.mark.stack

# As long as HAProxy waits for a whole request, and some.
PATIENCE_SECONDS = 6.0
# From here on an answer is slow to the objective; an instance measures less of it than its client.
SLOW_SECONDS = 0.5
AGAIN_WITHIN_SECONDS = 60.0
# Longer than most take.
GOES_ON_SECONDS = 0.1
# How often a server was taken out for its answers to users, and for whatever reason.
COUNTED = ("hanafail", "chkdown")


def statistics(stack):
    """How often HAProxy has taken each server out, and what it says of it."""
    counts, states = Counter(), {}
    for row in HAProxy(admin_socket(stack.settings)).statistics():
        name = f"{row['pxname']}/{row['svname']}"
        if row["svname"] not in ("FRONTEND", "BACKEND") and row["pxname"] in ("shop", "inventory"):
            counts.update({(name, column): int(row[column] or 0) for column in COUNTED})
            states[name] = row["status"]
    return counts, states


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a request."""

    sent: stranger.Sent
    answer: bytes
    """Nothing, if there was none, as for a client that did not wait."""
    seconds: float
    """Until its first byte."""

    @property
    def status(self) -> int:
        """0: no answer."""
        return int(self.answer[9:12]) if self.answer.startswith(b"HTTP/1") else 0

    @property
    def may_have_spent(self) -> bool:
        """Whether it may be what a budget was spent on. Who never sends the end of a request keeps HAProxy waiting."""
        return self.status >= 500 or not self.status or (self.seconds > SLOW_SECONDS and self.status != 408)


async def _send(port, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer, began, first = b"", time.monotonic(), math.inf
    try:
        writer.write(sent.raw)
        if sent.aborted_after is None:
            # One that takes a turn is not to keep it for long.
            async with asyncio.timeout(2 * PATIENCE_SECONDS if sent.name == "slow" else PATIENCE_SECONDS):
                while piece := await reader.read(65536):
                    answer, first = answer + piece, min(first, time.monotonic() - began)
        else:
            await asyncio.sleep(sent.aborted_after)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            # An instance may go on with it. Without a pause all of them would be sent at a time.
            await asyncio.sleep(GOES_ON_SECONDS)
    except (ConnectionError, TimeoutError):
        pass  # HAProxy may close while it is still being sent to, or keep the connection for another request
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return Answered(sent, answer, first)


def send(stack, requests, at_a_time):
    """Send all of them, so many at a time."""
    port = stack.topology.one("haproxy").port

    async def main():
        turn = asyncio.Semaphore(at_a_time)

        async def one(sent):
            if sent.name == "slow":  # takes no turn, only time
                return await _send(port, sent)
            async with turn:
                return await _send(port, sent)

        return await asyncio.gather(*(one(sent) for sent in requests))

    return asyncio.run(main())


def statuses(answers):
    """How many there are of each."""
    return Counter(answered.status for answered in answers)


def _spend(stack, requests, at_a_time):
    """Send them; what they spent of the budgets, and their answers."""
    before = objectives.count(stack)
    answers = send(stack, requests, at_a_time)
    spent = objectives.count(stack) - before
    answered = [one for one in answers if one.status]
    assert spent.requests >= len(answered)
    assert spent.failed >= sum(one.status >= 500 for one in answered)
    return spent, answers


def spend_nothing(stack, requests, at_a_time):
    """Send them; their answers, or None where too many were refused.

    None of them is what spends the budget of availability, or of latency. They come so few at a time that nothing is
    spent at all. Only a machine that is short of CPU, as where other tests run beside, makes a request wait until it is
    shed or slow; what a request itself is the cause of comes each time. So what may have spent something is sent again
    alone, until it spends nothing.
    """
    spent, answers = _spend(stack, requests, at_a_time)
    failed = Counter(one.answer[-200:] for one in answers if one.status >= 500)
    if failed.total() >= 0.05 * len(answers):
        print("refused:", failed)
        return None
    if spent.failed or spent.slow:
        suspects = [one.sent for one in answers if one.may_have_spent]
        print(spent, "sent again alone:", *(sent.name for sent in suspects), sep="\n")
        until(lambda: _spends_nothing(stack, suspects), AGAIN_WITHIN_SECONDS)
    return answers


def _spends_nothing(stack, suspects):
    spent, _ = _spend(stack, suspects, at_a_time=1)
    return spent.failed == spent.slow == 0


def eject_nobody(stack, make, at_a_time):
    """Send what it makes as in `spend_nothing`; no instance is taken out, by what users were answered or by its check.

    A machine that is short of CPU keeps an instance from answering its check in time now and then; what requests are
    the cause of comes each time.
    """
    ejected = []

    def harmless():
        until(lambda: all(status == "UP" for status in statistics(stack)[1].values()))
        before, _ = statistics(stack)
        answers = spend_nothing(stack, make(), at_a_time)
        after, states = statistics(stack)
        assert f"shop/{PANIC}shop-1" in states, "it was not these servers that were looked at"
        ejected.append(after - before)
        print("ejected:", dict(ejected[-1]))
        return None if ejected[-1] or answers is None else answers

    return until(harmless, AGAIN_WITHIN_SECONDS)


def test_the_time_out_that_took_the_shop_down(stack):
    path = "/orders/00000000-0000-4000-8000-000000000000"
    hurry = stranger.request("GET", path, b"X-Request-Timeout-Ms: 0")
    answers = eject_nobody(stack, lambda: [stranger.Sent("hurry", hurry)] * 400, at_a_time=8)
    assert not [one for one in answers if b"deadline-exceeded" in one.answer]
    assert set(statuses(answers)) <= {404, 503}


def test_orders_that_take_turns_on_one_row(stack):
    answers = eject_nobody(stack, stranger.at_the_same_moment, at_a_time=8)
    assert set(statuses(answers)) <= {201, 503}


def test_requests_whose_client_leaves(stack):
    answers = eject_nobody(stack, stranger.given_up, at_a_time=6)
    assert set(statuses(answers)) == {0}


def test_everything_at_its_worst(stack):
    page = httpx.get(f"{stack.url('shop')}/openapi.json").text
    answers = eject_nobody(stack, lambda: stranger.everything(page), at_a_time=8)
    # They are what they are meant to be: refused by HAProxy and by the shop, and answered.
    found = statuses(answers)
    assert {200, 201, 400, 401, 404, 405, 408, 409, 413, 414, 422} <= set(found), found
