"""Which instance gets a request: one that is well. Each mechanism with its switch on and off."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import httpx
import pytest

from compose.config.haproxy import IN_FLIGHT_PER_WORKER
from tests.component.balancer import Instance, balanced
from tests.waiting import until


@pytest.fixture
def shops():
    return Instance("shop-1"), Instance("shop-2"), Instance("shop-3")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(150) as executor:
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
        shops[1].ready = False
        # The drain delay of the services counts on it; here is a busy machine's allowance on top.
        until(lambda: not balancer.up("shop-2"), seconds=2)
        shops[1].requests.clear()
        assert failed(one_after_the_other(balancer, 30)) == 0
        assert (len(shops[0].requests), len(shops[1].requests), len(shops[2].requests)) == (15, 0, 15)
        shops[1].ready = True
        until(lambda: balancer.up("shop-2"), seconds=4)
        one_after_the_other(balancer, 30)
        assert shops[1].requests


def test_without_health_checks_an_instance_that_is_not_ready_gets_its_share(tmp_path, shops):
    shops[1].ready = False
    with balanced(tmp_path, *shops, SHOP_HEALTH_CHECKS="off") as balancer:
        time.sleep(1.5)  # as long as it takes with them
        one_after_the_other(balancer, 30)
        assert len(shops[1].requests) == 10


def test_a_hung_instance_is_out_within_two_seconds_and_then_costs_nobody_anything(tmp_path, shops, pool):
    with balanced(tmp_path, *shops) as balancer:
        shops[1].hangs = True
        until(lambda: not balancer.up("shop-2"), seconds=4)
        answers = ask(balancer, pool, 60)
        assert statuses(answers) == {200: 60}
        assert max(seconds for _, seconds in answers) < 2


def test_one_request_in_a_hung_instance_keeps_the_next_ones_away(tmp_path, shops):
    shops[1].hangs = True
    with balanced(tmp_path, *shops, SHOP_HEALTH_CHECKS="off") as balancer, ThreadPoolExecutor(3) as users:
        stuck = users.map(lambda _: balancer.get("/carts"), range(3))  # one of them at each instance
        until(lambda: balancer.metric("haproxy_server_current_sessions", "shop-2") == 1)
        # Given in turn, every third of these would hang as well.
        assert failed(one_after_the_other(balancer, 30)) == 0
        assert failed(stuck) == 1


def test_without_health_checks_users_go_on_waiting_for_a_hung_instance(tmp_path, shops, pool):
    shops[1].hangs = True
    for shop in (shops[0], shops[2]):
        shop.seconds = 0.2  # so that it looks no busier than the others
    with balanced(tmp_path, *shops, SHOP_HEALTH_CHECKS="off") as balancer:
        time.sleep(2)  # as long as it takes with them
        answers = ask(balancer, pool, 60)
        assert statuses(answers)[504] >= 10
        assert max(seconds for _, seconds in answers) > 3


# Outlier detection: an instance that fails while it says it is ready.


@pytest.mark.parametrize("status", [500, 503])
def test_an_instance_that_fails_everything_is_ejected(tmp_path, shops, status):
    with balanced(tmp_path, *shops) as balancer, httpx.Client(base_url=balancer.url) as client:
        shops[1].status = status
        # The count of 15 in a row begins anew with each check, twice a second.
        answers = [client.get("/carts") for _ in range(600)]
        wrong = [response.status_code for response in answers].count(status)
        assert 15 <= wrong <= 100, wrong  # without ejection 200


def test_without_outlier_detection_every_third_request_fails_for_good(tmp_path, shops):
    with (
        balanced(tmp_path, *shops, SHOP_OUTLIER_DETECTION="off") as balancer,
        httpx.Client(base_url=balancer.url) as client,
    ):
        shops[1].status = 503
        assert [client.get("/carts").status_code for _ in range(600)].count(503) == 200
        assert balancer.up("shop-2")


def test_an_outage_behind_all_instances_ejects_nobody_while_some_requests_succeed(tmp_path, shops):
    with balanced(tmp_path, *shops) as balancer, httpx.Client(base_url=balancer.url) as client:
        for number in range(600):
            for shop in shops:
                # Each instance sees every third request: four failures, then a success.
                shop.status = 200 if number % 15 < 3 else 503
            client.get("/carts")
        assert all(balancer.up(shop.name) for shop in shops)
        assert balancer.metric("haproxy_server_check_failures_total", "shop-1") == 0


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
        assert Counter(response.status_code for response in answers) == {200: 20, 502: 10}


def test_without_retries_the_user_sees_each_lost_answer(tmp_path, shops):
    with balanced(tmp_path, *shops, SHOP_LB_RETRIES="off") as balancer:
        shops[1].hangs_up = True
        assert failed(one_after_the_other(balancer, 30)) == 10


# Queue limits: instances that are stuck.


def test_what_cannot_be_served_in_time_is_refused_quickly(tmp_path, pool):
    stuck = Instance("shop-1", seconds=2)
    with balanced(tmp_path, stuck, SHOP_HEALTH_CHECKS="off") as balancer:
        answers = ask(balancer, pool, 150)
        refused = [(response, seconds) for response, seconds in answers if response.status_code == 503]
        assert statuses(answers) == {200: IN_FLIGHT_PER_WORKER, 503: 150 - IN_FLIGHT_PER_WORKER}
        assert stuck.most_waiting == IN_FLIGHT_PER_WORKER
        assert median(seconds for _, seconds in refused) < 1.5
        assert {response.headers["retry-after"] for response, _ in refused} == {"1"}


def test_without_queue_limits_everybody_waits_at_the_stuck_instance(tmp_path, pool):
    stuck = Instance("shop-1", seconds=2)
    with balanced(tmp_path, stuck, SHOP_HEALTH_CHECKS="off", SHOP_QUEUE_LIMITS="off") as balancer:
        answers = ask(balancer, pool, 150)
        assert statuses(answers) == {200: 150}
        assert stuck.most_waiting == 150
        assert min(seconds for _, seconds in answers) >= 2


# Slow start: an instance that returns.


def share_of_the_returned(tmp_path, shops, **switches):
    """Its part of the most requests that each instance had in hand in its first second back."""
    for shop in shops:
        shop.seconds = 0.1
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
