"""Whatever a stranger sends, no instance is ejected, and no 5xx is of his making."""

import asyncio
import socket
import struct
from collections import Counter
from contextlib import suppress

import httpx
import pytest

from chaos.haproxy import HAProxy
from compose.haproxy import PANIC, admin_socket
from tests.component import stranger
from tests.waiting import until

pytestmark = pytest.mark.stack

# As long as HAProxy waits for a whole request, and some.
PATIENCE_SECONDS = 8.0
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


async def _send(port, sent):
    """The answer; empty: there was none, as for a client that did not wait."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent.raw)
        if sent.aborted_after is None:
            return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        await asyncio.sleep(sent.aborted_after)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    except (ConnectionError, TimeoutError):
        pass  # HAProxy may close while it is still being sent to
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return b""


def send(stack, requests, at_a_time):
    """Send all of them, so many at a time; each with its answer."""
    port = stack.topology.one("haproxy").port

    async def main():
        turn = asyncio.Semaphore(at_a_time)

        async def one(sent):
            if sent.name == "slow":  # takes no turn, only time
                return sent, await _send(port, sent)
            async with turn:
                return sent, await _send(port, sent)

        return await asyncio.gather(*(one(sent) for sent in requests))

    return asyncio.run(main())


def statuses(answers):
    """How many there are of each; 0: no answer."""
    return Counter(int(answer[9:12]) if answer.startswith(b"HTTP/1") else 0 for _, answer in answers)


def assert_not_the_cause(stack, answers):
    """Hardly any answer is a 5xx, and none is one again when nothing else is asked.

    A machine that is short of CPU tells some of forty at a time that it has too much to do, and a circuit stays open a
    second. A 5xx that a request is the cause of comes each time.
    """
    failed = [sent for sent, answer in answers if answer[9:10] == b"5"]
    assert len(failed) < 0.05 * len(answers), Counter(answer[-200:] for _, answer in answers if answer[9:10] == b"5")
    until(lambda: not [sent for sent, answer in send(stack, failed, at_a_time=1) if answer[9:10] == b"5"])


@pytest.fixture
def none_ejected(stack):
    """No instance is taken out meanwhile, neither by what users were answered nor by its health check."""
    until(lambda: all(status == "UP" for status in statistics(stack)[1].values()))
    before, _ = statistics(stack)
    yield
    after, states = statistics(stack)
    assert set(states.values()) == {"UP"}, states
    assert after - before == Counter()
    assert f"shop/{PANIC}shop-1" in states, "it was not these servers that were looked at"


def test_the_time_out_that_took_the_shop_down(stack, none_ejected):
    path = "/orders/00000000-0000-4000-8000-000000000000"
    hurry = stranger.request("GET", path, b"X-Request-Timeout-Ms: 0")
    answers = send(stack, [stranger.Sent("hurry", hurry)] * 400, at_a_time=40)
    assert_not_the_cause(stack, answers)
    assert not [answer for _, answer in answers if b"deadline-exceeded" in answer]
    assert set(statuses(answers)) <= {404, 503}


def test_orders_that_take_turns_on_one_row(stack, none_ejected):
    answers = send(stack, stranger.at_the_same_moment(), at_a_time=20)
    assert_not_the_cause(stack, answers)
    assert set(statuses(answers)) <= {201, 503}


def test_everything_at_its_worst(stack, none_ejected):
    requests = stranger.everything(httpx.get(f"{stack.url('shop')}/openapi.json").text)
    answers = send(stack, requests, at_a_time=8)
    assert_not_the_cause(stack, answers)
    # They are what they are meant to be: refused by HAProxy and by the shop, answered, and given up.
    found = statuses(answers)
    assert {0, 200, 201, 400, 401, 404, 405, 408, 409, 413, 414, 422} <= set(found), found
