"""Who holds connections counts each that is refused, lost or not answered, and each moment that it waited."""

import socket
import time
from contextlib import ExitStack

import pytest

from chaos.facts.claims import histogram
from compose.limits import Limits
from tests.component.balancer import balanced
from tests.component.holders import held, of_phase
from tests.component.instances import Instance, running
from tests.ports import free_port
from tests.waiting import until

SHARED = {"cache-control": "public, max-age=5", "x-served-by": "shop-1"}
# Two edges, with room for 200 connections each.
FEW_FILES = Limits(files=600, memory_bytes=2**30, cores=1)


@pytest.fixture
def shop():
    return Instance("shop-1", headers=dict(SHARED))


@pytest.fixture
def edged(tmp_path, shop):
    (tmp_path / "balancer").mkdir()
    with balanced(tmp_path / "balancer", shop, limits=FEW_FILES, STORMDRILL_CONNECTIONS="300") as balancer:
        yield balancer


def test_all_are_held_and_each_asks_again_and_again(tmp_path, edged):
    with held(tmp_path / "claim", edged.url, 300, every=2.0, timeout=1.9) as holders:
        holders.next_phase()
        until(lambda: sum(edged.edges_connections()) == 300)
        holders.next_phase()
        asked = edged_requests(edged)
        until(lambda: edged_requests(edged) >= asked + 600)
        holders.next_phase()
        seen = holders.seen()
    connections, answered, failed = of_phase(seen, "hold")
    assert (connections, failed) == (300, {})
    # What was on its way at the border belongs to the phase in which it was due.
    assert answered >= 590
    assert of_phase(seen, "ramp")[2] == {}
    assert sum(count for one in seen for _, count in one.by_tag.get("cache", [])) > 0


def edged_requests(balancer):
    return sum(
        balancer._metric(url, "haproxy_frontend_http_requests_total", {"proxy": "users"})
        for url in balancer.edges_metrics_urls
    )


def test_more_than_there_is_room_for_are_failures(tmp_path, edged):
    """The deviation of claim 1: a maxconn that is too low."""
    with held(tmp_path / "claim", edged.url, 500, every=4.0, timeout=2.0) as holders:
        holders.next_phase()
        # It is time that makes all of them due; the edges, which are full, have no room to be asked.
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 3.0)
        holders.next_phase()
        holders.next_phase()
        seen = holders.seen()
    connections, _, _ = of_phase(seen, "hold")
    failed = of_phase(seen, "ramp")[2] | of_phase(seen, "hold")[2]
    assert connections <= 400
    assert sum(failed.values()) >= 1
    assert set(failed) <= {"timeout", "not connected"}


def test_who_waits_is_seen_from_when_he_was_due(tmp_path, shop):
    """A server that stands still for a second is not asked by anybody meanwhile, and still that is no better answer."""
    with running([shop]):
        url = f"http://127.0.0.1:{shop.port}"
        with held(tmp_path / "claim", url, 100, every=2.0, timeout=1.9) as holders:
            holders.next_phase()
            # Each opens its connection with a request; from the second turn on some are due at any moment.
            until(lambda: len(shop.requests) > 100)
            holders.next_phase()
            shop.holds = True
            began = time.monotonic()
            until(lambda: time.monotonic() - began >= 1.0)
            shop.holds = False
            asked = len(shop.requests)
            until(lambda: len(shop.requests) >= asked + 50)
            holders.next_phase()
            seen = [one for one in holders.seen() if one.labels["phase"] == "hold"]
    latencies = histogram.merged(one.latencies for one in seen)
    # A hundred are due in two seconds: fifty of these while it stood still, half of them for more than half of it.
    assert sum(count for bucket, count in latencies if histogram.end(bucket) >= 0.5) >= 20
    assert histogram.quantile(latencies, 1.0) >= 0.9


def test_one_that_is_closed_while_nobody_asks_is_lost(tmp_path, shop):
    with ExitStack() as stack:
        with running([shop]):
            url = f"http://127.0.0.1:{shop.port}"
            holders = stack.enter_context(held(tmp_path / "claim", url, 20, every=30.0, timeout=5.0, ramp=0.5))
            holders.next_phase()
            until(lambda: len(shop.requests) == 20)
            holders.next_phase()
        # The server is gone, and has closed all.
        holders.next_phase()
        connections, answered, failed = of_phase(holders.seen(), "hold")
    assert (connections, answered) == (0, 0)
    assert sum(failed.values()) == 20
    assert set(failed) <= {"closed while idle", "reset while idle"}


def test_where_nobody_listens_all_are_refused(tmp_path):
    with held(tmp_path / "claim", f"http://127.0.0.1:{free_port()}", 20, every=30.0, timeout=5.0, ramp=0.5) as holders:
        holders.next_phase()
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 1.0)
        holders.next_phase()
        holders.next_phase()
        seen = holders.seen()
    connections, answered, failed = of_phase(seen, "ramp")
    assert (connections, answered, failed) == (0, 0, {"refused": 20})


def test_each_process_comes_from_an_address_of_its_own(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        with held(
            tmp_path / "claim", f"http://127.0.0.1:{server.getsockname()[1]}", 2, every=30.0, timeout=5.0
        ) as holders:
            holders.next_phase()
            with ExitStack() as stack:
                taken = [server.accept() for _ in range(2)]
                for connection, _ in taken:
                    stack.enter_context(connection)
                assert {address for _, (address, _) in taken} == {"127.0.0.2", "127.0.0.3"}
