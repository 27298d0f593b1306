"""Sessions and carts in an instance's memory keep to the same rules as those in Redis."""

import asyncio
from datetime import timedelta

import pytest

from services.kit.problems import Conflict, Unauthorized
from services.shop.cart import MOST_ITEMS
from services.shop.instance_sessions import InstanceCarts, InstanceSessions
from services.shop.sessions import name_of, new_token

TTL = timedelta(seconds=10)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def opened(clock, *, sliding):
    sessions = InstanceSessions(TTL, sliding=sliding, clock=clock)
    token, session = asyncio.run(sessions.open())
    return sessions, token, session


@pytest.mark.parametrize(("sliding", "lives"), [(True, True), (False, False)])
def test_use_renews_a_session_if_expiry_slides(clock, sliding, lives):
    sessions, token, session = opened(clock, sliding=sliding)
    for _ in range(3):
        clock.now += 4
        try:
            found = asyncio.run(sessions.find(token))
        except Unauthorized:
            break
        assert found.user_id == session.user_id
    assert (clock.now == 112 and found.expires_in == TTL) == lives


def test_an_unused_session_expires_and_takes_its_cart_along(clock):
    sessions, token, _ = opened(clock, sliding=True)
    carts = InstanceCarts(sessions)
    asyncio.run(carts.put(token, "sku-1", 2))
    clock.now += 10
    with pytest.raises(Unauthorized):
        asyncio.run(carts.read(token))


def test_a_closed_session_is_gone(clock):
    sessions, token, _ = opened(clock, sliding=True)
    asyncio.run(sessions.close(token))
    for use in (sessions.find, sessions.close):
        with pytest.raises(Unauthorized):
            asyncio.run(use(token))


def test_a_cart_takes_so_many_products_and_no_more(clock):
    sessions, token, _ = opened(clock, sliding=True)
    carts = InstanceCarts(sessions)
    for number in range(MOST_ITEMS):
        asyncio.run(carts.put(token, f"sku-{number}", 1))
    asyncio.run(carts.put(token, "sku-0", 2))
    with pytest.raises(Conflict):
        asyncio.run(carts.put(token, "one-too-many", 1))
    asyncio.run(carts.remove(token, "sku-0"))
    asyncio.run(carts.remove(token, "sku-0"))
    assert len(asyncio.run(carts.read(token))) == MOST_ITEMS - 1


def test_a_token_cannot_be_guessed_or_read_off_its_name():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 43 and token not in name_of(token) for token in tokens)
