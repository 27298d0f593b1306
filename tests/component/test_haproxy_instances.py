"""Which instance gets a request: one that is well. Each mechanism with its switch on and off."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from compose.config.haproxy import ERRORS_PER_WORKER, IN_FLIGHT_PER_WORKER
from tests.component.balancer import balanced, rapid
from tests.component.instances import Instance
from tests.waiting import until

# `timeout server` is 4 s: what an instance holds for longer is answered with 504.
HELD_AT_MOST_SECONDS = 3.5
RUSH = 150


@pytest.fixture
def shops():
    return Instance("shop-1"), Instance("shop-2"), Instance("shop-3")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(RUSH) as executor:
        yield executor


def ask(balancer, pool, number, method="GET", path="/carts", **options):
    """So many requests at once, each on a connection of its own; with the seconds each took."""

    def one(_):
        began = time.monotonic()
        response = balancer.client.request(method, path, **options)
        return response, time.monotonic() - began

    return list(pool.map(one, range(number)))


def statuses(answers):
    return Counter(response.status_code for response, _ in answers)


def one_after_the_other(balancer, number, method="GET", **options):
    return [balancer.client.request(method, "/carts", **options) for _ in range(number)]


def failed(responses):
    return sum(response.status_code != 200 for response in responses)


# Health checks: an instance that drains, and one that hangs.


def test_an_instance_that_is_not_ready_gets_no_requests(tmp_path, shops):
    with balanced(tmp_path, *shops) as balancer:
        # The drain delay of the services counts on it. A busy machine may delay one look; what is slow delays them all.
        assert any(out_after_seconds(balancer, shops[1]) < 2 for _ in range(4))
        shops[1].ready = False
        until(lambda: not balancer.up("shop-2"))
        shops[1].requests.clear()
        before = len(shops[0].requests) + len(shops[2].requests)
        assert failed(one_after_the_other(balancer, 30)) == 0
        assert not shops[1].requests
        assert len(shops[0].requests) + len(shops[2].requests) == before + 30
        shops[1].ready = True
        until(lambda: one_after_the_other(balancer, 30) and shops[1].requests)


def out_after_seconds(balancer, shop):
    """How soon an instance that is not ready any more is out; it is ready and in again afterwards."""
    began, shop.ready = time.monotonic(), False
    until(lambda: not balancer.up(shop.name))
    took, shop.ready = time.monotonic() - began, True
    until(lambda: balancer.up(shop.name))
    return took


def test_without_health_checks_an_instance_that_is_not_ready_gets_its_share(tmp_path, shops):
    shops[1].ready = False
    with balanced(tmp_path, *shops, SHOP_HEALTH_CHECKS="off") as balancer:
        time.sleep(1.5)  # as long as it takes with them
        one_after_the_other(balancer, 30)
        # One of HAProxy's threads may be late to note that a request is over.
        assert len(shops[1].requests) == pytest.approx(10, abs=4)


def test_a_hung_instance_is_out_within_two_seconds_and_then_costs_nobody_anything(tmp_path, shops, pool):
    with balanced(tmp_path, *shops) as balancer:
        shops[1].hangs = True
        # Two seconds, and a busy machine's.
        until(lambda: not balancer.up("shop-2"), seconds=5)
        answers = ask(balancer, pool, 60)
        assert statuses(answers) == {200: 60}
        # Whoever meets it waits for four seconds.
        assert max(seconds for _, seconds in answers) < HELD_AT_MOST_SECONDS


def test_one_request_in_a_hung_instance_keeps_the_next_ones_away(tmp_path, shops):
    shops[1].hangs = True
    with balanced(tmp_path, *shops, SHOP_HEALTH_CHECKS="off") as balancer, ThreadPoolExecutor(3) as users:
        asked = []

        def one_hangs():
            # The next only when the last has its answer: two at once could both be given to it.
            if all(one.done() for one in asked):
                asked.append(users.submit(balancer.get, "/carts"))
            return balancer.metric("haproxy_server_current_sessions", "shop-2") == 1

        until(one_hangs, HELD_AT_MOST_SECONDS)
        # Given in turn, every third of these would hang as well.
        assert failed(one_after_the_other(balancer, 30)) == 0
        assert failed(one.result() for one in asked) == 1


def test_without_health_checks_users_go_on_waiting_for_a_hung_instance(tmp_path, shops, pool):
    shops[1].hangs = True
    for shop in (shops[0], shops[2]):
        shop.seconds = 2  # so that it looks no busier than the others, also if not all come at the same moment
    with balanced(tmp_path, *shops, SHOP_HEALTH_CHECKS="off") as balancer:
        time.sleep(2)  # as long as it takes with them
        answers = ask(balancer, pool, 60)
        assert statuses(answers)[504] >= 10
        assert max(seconds for _, seconds in answers) > 3


# Outlier detection: an instance that fails while it says it is ready.


@pytest.mark.parametrize("status", [500, 503])
def test_an_instance_that_fails_everything_is_ejected(tmp_path, shops, status):
    with balanced(tmp_path, *shops) as balancer, rapid(balancer) as ask_in_turn:
        shops[1].status = status
        wrong = []

        def spared():
            wrong.append([one for one, _ in ask_in_turn(60)].count(status))
            return not wrong[-1]

        # Without ejection every third fails for good. The count in a row begins anew with each check, twice a second.
        until(spared)
        assert sum(wrong) >= ERRORS_PER_WORKER, wrong


def test_without_outlier_detection_every_third_request_fails_for_good(tmp_path, shops):
    with balanced(tmp_path, *shops, SHOP_OUTLIER_DETECTION="off") as balancer, rapid(balancer) as ask_in_turn:
        shops[1].status = 503
        assert [status for status, _ in ask_in_turn(600)].count(503) == 200
        assert balancer.up("shop-2")


def test_an_outage_behind_all_instances_ejects_nobody_while_some_requests_succeed(tmp_path, shops):
    with balanced(tmp_path, *shops) as balancer, rapid(balancer) as ask_in_turn:
        for number in range(600):
            for shop in shops:
                # Each instance sees every third request: four failures, then a success.
                shop.status = 200 if number % 15 < 3 else 503
            ask_in_turn(1)
        for shop in shops:
            assert balancer.up(shop.name)
            assert balancer.metric("haproxy_server_check_up_down_total", shop.name) == 0, "it was ejected meanwhile"


# Retries: an instance that closes connections instead of answering.


def test_what_may_be_repeated_is_answered_by_another_instance(tmp_path, shops):
    with balanced(tmp_path, *shops) as balancer:
        shops[1].hangs_up = True
        assert failed(one_after_the_other(balancer, 30)) == 0
        for method in ("PUT", "DELETE"):
            assert failed(one_after_the_other(balancer, 9, method)) == 0
        assert failed(one_after_the_other(balancer, 30, "POST", headers={"Idempotency-Key": "key-0001"})) == 0
        assert shops[1].requests, "it was not even tried"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_must_not_be_repeated_is_sent_exactly_once(tmp_path, shops, method):
    with balanced(tmp_path, *shops) as balancer:
        shops[1].hangs_up = True
        answers = one_after_the_other(balancer, 30, method)
        assert sum(len(shop.requests) for shop in shops) == 30
        met = len(shops[1].requests)
        assert met == pytest.approx(10, abs=4)
        assert Counter(response.status_code for response in answers) == {200: 30 - met, 502: met}


def test_without_retries_the_user_sees_each_lost_answer(tmp_path, shops):
    with balanced(tmp_path, *shops, SHOP_LB_RETRIES="off") as balancer:
        shops[1].hangs_up = True
        assert failed(one_after_the_other(balancer, 30)) == len(shops[1].requests) == pytest.approx(10, abs=4)


# Queue limits: instances that are stuck.


def rush(balancer, pool, stuck, seen):
    """Many at once at an instance that answers nobody until `seen` of those who ask is true; all answers."""
    stuck.holds = True
    asked = [pool.submit(balancer.get, "/carts") for _ in range(RUSH)]
    until(lambda: seen(asked), HELD_AT_MOST_SECONDS)
    stuck.holds = False
    return [one.result() for one in asked]


def test_what_cannot_be_served_in_time_is_refused_quickly(tmp_path, pool):
    stuck, too_many = Instance("shop-1"), RUSH - IN_FLIGHT_PER_WORKER
    with balanced(tmp_path, stuck, SHOP_HEALTH_CHECKS="off") as balancer:
        # While those who have a place still wait.
        answers = rush(balancer, pool, stuck, lambda asked: sum(one.done() for one in asked) == too_many)
        assert Counter(answer.status_code for answer in answers) == {200: IN_FLIGHT_PER_WORKER, 503: too_many}
        assert stuck.most_waiting == IN_FLIGHT_PER_WORKER
        assert {answer.headers["retry-after"] for answer in answers if answer.status_code == 503} == {"1"}


def test_without_queue_limits_everybody_waits_at_the_stuck_instance(tmp_path, pool):
    stuck = Instance("shop-1")
    with balanced(tmp_path, stuck, SHOP_HEALTH_CHECKS="off", SHOP_QUEUE_LIMITS="off") as balancer:
        answers = rush(balancer, pool, stuck, lambda _: stuck.waiting == RUSH)
        assert Counter(answer.status_code for answer in answers) == {200: RUSH}


# Slow start: an instance that returns.


def share_of_the_returned(tmp_path, shops, **switches):
    """Its part of the most requests that each instance had in hand in its first second back."""
    for shop in shops:
        shop.seconds = 0.3  # so that each has several in hand, however slowly they come
    shops[1].ready = False
    with balanced(tmp_path, *shops, **switches) as balancer, ThreadPoolExecutor(60) as users:
        until(lambda: not balancer.up("shop-2"))
        shops[1].ready = True
        until(lambda: balancer.up("shop-2"))
        for shop in shops:
            shop.requests.clear()
        give_up_at = time.monotonic() + 1.0

        def user(_):
            while time.monotonic() < give_up_at:
                balancer.get("/carts")

        list(users.map(user, range(60)))
    return len(shops[1].requests) / sum(len(shop.requests) for shop in shops)


def test_an_instance_that_returns_is_given_little_at_first(tmp_path, shops):
    assert share_of_the_returned(tmp_path, shops) < 0.2


def test_without_slow_start_it_is_given_its_full_share_at_once(tmp_path, shops):
    assert share_of_the_returned(tmp_path, shops, SHOP_SLOW_START="off") > 0.28
