"""Whatever a stranger sends, no instance is ejected and no error budget burns: both are about us, not about him."""

import asyncio
import socket
import struct
import time
from collections import Counter

import httpx
import pytest

from chaos.haproxy import HAProxy
from compose.haproxy import PANIC, admin_socket
from tests.component import stranger
from tests.waiting import until

pytestmark = pytest.mark.stack

AT_A_TIME = 40
# As long as HAProxy waits for a whole request, and some.
PATIENCE_SECONDS = 8.0
# Of a server: what `observe layer7` counts, and how often it was taken out.
COUNTED = ("hrsp_5xx", "eresp", "econ", "srv_abrt", "hanafail", "chkdown")


def statistics(stack):
    """What HAProxy counts against each server, and the 5xx that users of each frontend got."""
    counts, states = Counter(), {}
    for row in HAProxy(admin_socket(stack.settings)).statistics():
        name = f"{row['pxname']}/{row['svname']}"
        if row["svname"] == "FRONTEND":
            counts[name, "hrsp_5xx"] = int(row["hrsp_5xx"] or 0)
        elif row["svname"] != "BACKEND" and row["pxname"] in ("shop", "inventory"):
            counts.update({(name, column): int(row[column] or 0) for column in COUNTED})
            states[name] = row["status"]
    return counts, states


async def _send(port, sent):
    """The status of the answer; 0: there was none, as for a client that did not wait."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent.raw)
        if sent.aborted_after is not None:
            await asyncio.sleep(sent.aborted_after)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return 0
        answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        writer.close()
    except (ConnectionError, TimeoutError):
        return 0
    head = answer[:12].split()
    return int(head[1]) if answer.startswith(b"HTTP/1") else 0


def send(stack, requests):
    """Send all of them, so many at a time; the statuses of each kind."""
    port = stack.topology.one("haproxy").port

    async def main():
        turn = asyncio.Semaphore(AT_A_TIME)

        async def one(sent):
            if sent.name == "slow":  # takes no turn, only time
                return sent.name, await _send(port, sent)
            async with turn:
                return sent.name, await _send(port, sent)

        return await asyncio.gather(*(one(sent) for sent in requests))

    return Counter(asyncio.run(main()))


@pytest.fixture
def unharmed(stack):
    """Nothing that happens meanwhile is held against an instance, or against the objective of availability."""
    until(lambda: all(status == "UP" for status in statistics(stack)[1].values()))
    before, _ = statistics(stack)
    yield
    after, states = statistics(stack)
    assert set(states.values()) == {"UP"}, states
    assert after - before == Counter(), "counted against us"
    assert f"shop/{PANIC}shop-1" in states, "it was not these servers that were looked at"


def test_the_time_out_that_took_the_shop_down(stack, unharmed):
    path = "/orders/00000000-0000-4000-8000-000000000000"
    hurry = stranger.request("GET", path, b"X-Request-Timeout-Ms: 0")
    answers = send(stack, [stranger.Sent("hurry", hurry)] * 400)
    assert answers == {("hurry", 404): 400}


def test_everything_at_its_worst(stack, unharmed):
    page = httpx.get(f"{stack.url('shop')}/openapi.json").text
    requests = stranger.everything(page)
    began = time.monotonic()
    answers = send(stack, requests)
    print(f"{len(requests)} requests in {time.monotonic() - began:.1f} s")
    statuses = Counter()
    for (_, status), number in answers.items():
        statuses[status] += number
    print(sorted(statuses.items()))
    assert not [kind for kind in answers if kind[1] >= 500], answers
    # They are what they are meant to be: refused by HAProxy and by the shop, answered, and given up.
    assert {0, 200, 201, 400, 401, 404, 405, 408, 409, 413, 414, 422} <= set(statuses), statuses
