"""A shop that breaks its promises is found out by its users and by the reading back, each breach by its name."""

from datetime import timedelta

import pytest

from chaos.drill.read_back import read_back, read_sessions_back
from chaos.facts.ledger import OrderState
from chaos.facts.sessions import Told, tally
from chaos.load import starter
from chaos.load.starter import Stopped
from chaos.spec.load import LoadSettings
from chaos.spec.loads import ShopLoad
from tests.component.tiny_shop import SECOND, TinyShop, ledger, sessions, wait_until

# 40 members, each with a session operation every two seconds, so that a few seconds are enough.
CROWD = LoadSettings(200, pacing=SECOND, timeout=0.8 * SECOND, drain=SECOND, max_duration=60 * SECOND)


@pytest.fixture
def shop():
    with TinyShop() as shop:
        yield shop


def visit(shop, run_dir, breach, seen):
    """Users come; the shop breaks a promise until they have seen it. What the reading back finds.

    It breaks it anew at every look: of what was there at one moment, users may have no use for any more.
    """
    process = starter.start(run_dir, shop.url, CROWD, 0.0, ShopLoad())
    try:
        starter.await_first_request(process, run_dir, timedelta(seconds=10))
        wait_until(lambda: sum(bool(cart) for cart in shop.sessions.values()) > 10 and len(shop.orders) > 20)
        wait_until(lambda: broken(breach, lambda: seen(run_dir)), 40)
        # Somebody has to have logged in anew as well, so that there is something to find: more than are in flight.
        wait_until(lambda: len(shop.sessions) > 5)
    finally:
        assert starter.stop(process, 10 * SECOND) is Stopped.ENDED
    everything = sessions(run_dir).sessions
    return tally(everything, read_sessions_back(everything, shop.url, 60 * SECOND))


def broken(breach, seen):
    if found := seen():
        return found
    breach()
    return False


def stale(run_dir):
    return tally(sessions(run_dir).sessions, []).stale


def test_sessions_that_are_forgotten_are_lost_and_their_users_log_in_anew(shop, tmp_path):
    result = visit(shop, tmp_path, shop.sessions.clear, lambda run_dir: len(stale(run_dir)) > 10)
    assert len(result.lost) >= len(set(result.stale)) > 10
    assert set(result.stale) <= set(result.lost)
    assert 0 < result.found < result.sessions[Told.ACKNOWLEDGED]
    assert 0 < result.lost_ratio < 1
    assert result.doubled == result.foreign == result.unread == ()


def test_carts_that_are_emptied_lose_their_writes_and_no_session(shop, tmp_path):
    def empty():
        for cart in list(shop.sessions.values()):
            cart.clear()

    result = visit(shop, tmp_path, empty, lambda run_dir: len(stale(run_dir)) > 5)
    assert result.lost
    assert all("=" in name for name in (*result.lost, *result.stale))


def test_a_write_that_counts_twice_is_doubled(shop, tmp_path):
    def put_twice():
        shop.puts_twice = True

    def doubled(run_dir):
        return len(tally(sessions(run_dir).sessions, []).doubled) > 2

    result = visit(shop, tmp_path, put_twice, doubled)
    assert len(result.doubled) > 2
    assert result.lost == result.stale == ()


def test_an_order_that_is_not_shown_for_a_while_is_a_stale_read_and_not_lost(shop, tmp_path):
    def reads(run_dir):
        return sum(order.reads for order in ledger(run_dir).orders)

    def stale_reads(run_dir):
        return sum(order.stale_reads for order in ledger(run_dir).orders)

    def hide():
        # Not before somebody was shown theirs.
        shop.hides_orders = reads(tmp_path) > 0

    visit(shop, tmp_path, hide, lambda run_dir: stale_reads(run_dir) > 5)
    shop.hides_orders = False
    assert reads(tmp_path) > stale_reads(tmp_path) > 5
    found = list(read_back(ledger(tmp_path).orders, shop.url, 60 * SECOND))
    # Of an order whose user gave up nobody knows whether the shop had it.
    kept = [reading.found for reading in found if reading.state is OrderState.ACKNOWLEDGED]
    assert len(kept) > 20
    assert set(kept) == {1}
