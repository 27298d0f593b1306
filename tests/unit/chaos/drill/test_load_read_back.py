"""Reading orders back: a failed read is tried again, and never taken for an answer."""

import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from chaos.drill.read_back import ATTEMPTS, read_back, read_sessions_back
from chaos.facts.ledger import Order, OrderReading, OrderState
from chaos.facts.sessions import Look, SessionReading, Told, UserSession

MINUTE = timedelta(minutes=1)


def order(state: OrderState = OrderState.ACKNOWLEDGED, order_id: str | None = "o1", key: str = "k") -> Order:
    return Order(key, 1.0, "sku-0001", 1, state, order_id)


def shop(by_key: list[str], by_id: bool, failures: int = 0):
    """Answers as told, after so many failures of each question."""
    asked: Counter[str] = Counter()

    def answer(request: httpx.Request) -> httpx.Response:
        asked[request.url.path] += 1
        if asked[request.url.path] <= failures:
            if asked[request.url.path] % 2:
                raise httpx.ReadTimeout("no answer")
            return httpx.Response(503)
        if request.url.path == "/orders":
            assert request.url.params["idempotency_key"] == "k"
            return httpx.Response(200, json={"orders": [{"id": one} for one in by_key]})
        return httpx.Response(200, json={"id": "o1"}) if by_id else httpx.Response(404)

    return httpx.MockTransport(answer), asked


def read(transport, one: Order, deadline: timedelta = MINUTE) -> OrderReading:
    [reading] = read_back([one], "http://shop", deadline, transport=transport, pause=lambda seconds: None)
    return reading


@pytest.mark.parametrize(
    ("by_key", "by_id", "found", "id_matches"),
    [
        (["o1"], True, 1, True),
        ([], False, 0, False),
        (["o1", "o2"], True, 2, True),
        (["o1", "o1"], True, 2, True),
        (["o2"], False, 1, False),
        (["o2"], True, 2, False),
        ([], True, 1, False),
        (["o1"], False, 1, False),
    ],
)
def test_an_acknowledged_order_is_asked_for_by_key_and_by_id(by_key, by_id, found, id_matches):
    transport, _ = shop(by_key, by_id)
    assert read(transport, order()) == OrderReading("k", OrderState.ACKNOWLEDGED, found, id_matches)


@pytest.mark.parametrize("state", [OrderState.REFUSED, OrderState.UNKNOWN])
@pytest.mark.parametrize("ids", [[], ["o7"], ["o7", "o8"]])
def test_any_other_order_is_asked_for_by_key_only(state, ids):
    transport, asked = shop(ids, by_id=True)
    assert read(transport, order(state, None)) == OrderReading("k", state, len(ids), id_matches=False)
    assert asked == {"/orders": 1}


def test_a_failed_read_is_tried_again():
    transport, asked = shop(["o1"], by_id=True, failures=ATTEMPTS - 1)
    assert read(transport, order()).found == 1
    assert asked == {"/orders": ATTEMPTS, "/orders/o1": ATTEMPTS}


def test_a_read_that_keeps_failing_is_unread_neither_found_nor_lost():
    transport, asked = shop(["o1"], by_id=True, failures=99)
    assert read(transport, order()) == OrderReading("k", OrderState.ACKNOWLEDGED, None, id_matches=False)
    assert asked == {"/orders": ATTEMPTS}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"orders": [{}]}),
        httpx.Response(200, json={"orders": None}),
        httpx.Response(404),
        httpx.Response(204),
    ],
)
def test_an_answer_that_is_no_list_of_orders_is_unread(answer):
    assert read(httpx.MockTransport(lambda _: answer), order()).found is None


def test_after_the_deadline_nothing_is_asked():
    transport, asked = shop(["o1"], by_id=True)
    assert read(transport, order(), deadline=timedelta()).found is None
    assert not asked


def test_readings_come_in_the_order_of_the_orders():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"orders": []}))
    orders = [order(OrderState.UNKNOWN, None, f"k{number}") for number in range(50)]
    readings = read_back(orders, "http://shop", MINUTE, transport=transport)
    assert [reading.key for reading in readings] == [one.key for one in orders]


def test_who_controls_and_judges_a_load_never_imports_locust():
    # Locust patches sockets and threads of whatever process imports it.
    modules = "chaos.load.starter, chaos.drill.read_back, chaos.judge.measures, sys"
    code = f"import {modules}; sys.exit('locust' in sys.modules or 'gevent' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])


def session(token: str = "t") -> UserSession:
    return UserSession("s", 1.0, Told.ACKNOWLEDGED, token, "u")


def read_session(answers, *sessions: UserSession, origin=0.0):
    """What is read of these sessions from a shop that answers path by path; and the cookies it was sent."""
    cookies = []

    def answer(request: httpx.Request) -> httpx.Response:
        cookies.append(request.headers["cookie"])
        return answers[request.url.path]

    pause = lambda seconds: None  # noqa: E731
    transport = httpx.MockTransport(answer)
    given = {"origin": origin, "transport": transport, "pause": pause}
    return list(read_sessions_back(sessions, "http://shop", MINUTE, **given)), cookies


WHOSE = httpx.Response(200, json={"user_id": "u"}, headers={"set-cookie": "session=another; Path=/"})
CART = httpx.Response(200, json={"items": [{"sku": "a", "quantity": 2}]})


@pytest.mark.parametrize(
    ("whose", "cart", "seen"),
    [
        (WHOSE, CART, Look(0.0, gone=False, user_id="u", items={"a": 2})),
        (httpx.Response(401), CART, Look(0.0, gone=True)),
        (WHOSE, httpx.Response(401), Look(0.0, gone=True)),
        (WHOSE, httpx.Response(503), None),
        (httpx.Response(503), CART, None),
        (WHOSE, httpx.Response(200, text="<html>"), None),
        (WHOSE, httpx.Response(404), None),
    ],
)
def test_a_session_is_there_gone_or_unread(whose, cart, seen):
    before = time.monotonic()
    [reading], _ = read_session({"/sessions/me": whose, "/cart": cart}, session(), origin=before - 40.0)
    if reading.seen is not None:
        assert 40.0 <= reading.seen.at <= 40.0 + time.monotonic() - before
        reading = replace(reading, seen=replace(reading.seen, at=0.0))
    assert reading == SessionReading("s", seen)


def test_each_session_is_asked_for_with_its_own_cookie_only():
    _, cookies = read_session({"/sessions/me": WHOSE, "/cart": CART}, *(session(f"t{number}") for number in range(9)))
    assert Counter(cookies) == {f"session=t{number}": 2 for number in range(9)}


def test_a_log_in_without_a_token_is_not_read():
    readings, cookies = read_session({}, UserSession("s", 1.0, Told.UNKNOWN))
    assert (readings, cookies) == ([], [])
