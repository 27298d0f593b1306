"""HAProxy's cache: it answers what an instance said may be shared, for as long as it may, and owns up to it."""

import gzip
import time

import httpx
import pytest

from tests.component.balancer import balanced
from tests.component.instances import Instance
from tests.waiting import until

SHARED = {"cache-control": "public, max-age=1", "etag": '"one"', "content-type": "application/json"}


@pytest.fixture
def shop():
    return Instance("shop-1", headers=dict(SHARED), body=b'{"sku":"sku-0001"}')


@pytest.fixture
def balancer(tmp_path, shop):
    with balanced(tmp_path, shop) as running:
        yield running


def ask(balancer, number, **options):
    with httpx.Client(base_url=balancer.url) as client:
        return [client.get("/products/sku-0001", **options) for _ in range(number)]


def test_few_of_many_requests_reach_the_instance(balancer, shop):
    began = time.monotonic()
    answers = ask(balancer, 200)
    assert {answer.text for answer in answers} == {'{"sku":"sku-0001"}'}
    # Time is counted in whole seconds, so that an answer is kept for one at most and often for less.
    assert len(shop.requests) <= 2 + 2 * (time.monotonic() - began)


def test_without_the_cache_all_of_them_do(tmp_path, shop):
    with balanced(tmp_path, shop, SHOP_HTTP_CACHE="off") as balancer:
        answers = ask(balancer, 200)
    assert len(shop.requests) == 200
    assert {answer.headers["x-served-by"] for answer in answers} == {"shop-1"}


def test_an_answer_from_the_cache_names_no_instance(balancer, shop):
    answers = ask(balancer, 50)
    named = [answer.headers["x-served-by"] for answer in answers]
    assert named.count("shop-1") == len(shop.requests)
    assert named.count("cache") == 50 - len(shop.requests)
    assert all(answer.headers["age"].isdigit() for answer in answers if answer.headers["x-served-by"] == "cache")


def test_what_changed_is_seen_after_its_max_age(balancer, shop):
    ask(balancer, 2)
    shop.body = b'{"sku":"changed"}'
    changed_at = last_asked_at = time.monotonic()

    def seen():
        nonlocal last_asked_at
        asked_at = time.monotonic()
        if ask(balancer, 1)[0].text == '{"sku":"changed"}':
            return True
        last_asked_at = asked_at
        return False

    until(seen)
    # However late an old answer was seen, it was asked for within the second.
    assert last_asked_at - changed_at <= 1.1


def test_a_client_that_has_it_already_is_told_so_without_the_instance(balancer, shop):
    def without_the_instance():
        before = len(shop.requests)
        answer = ask(balancer, 1, headers={"if-none-match": '"one"'})[0]
        return [answer] if len(shop.requests) == before else None

    # The first time, and whenever a second has turned, there is nothing to answer with.
    (answer,) = until(without_the_instance)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == '"one"'
    assert answer.headers["x-served-by"] == "cache"


@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "no-store"},
        {"cache-control": "private, max-age=60"},
        {"etag": '"one"'},
        SHARED | {"set-cookie": "session=secret"},
    ],
)
def test_what_is_one_users_alone_is_never_kept(balancer, shop, headers):
    shop.headers = headers
    ask(balancer, 10)
    assert len(shop.requests) == 10


def test_errors_are_not_kept(balancer, shop):
    shop.status = 404
    ask(balancer, 10)
    assert len(shop.requests) == 10


def test_a_packed_answer_is_not_given_to_a_client_that_cannot_unpack_it(balancer, shop):
    plain = shop.body
    shop.headers = SHARED | {"vary": "Accept-Encoding", "content-encoding": "gzip"}
    shop.body = gzip.compress(plain)
    ask(balancer, 2, headers={"accept-encoding": "gzip"})
    shop.headers = SHARED | {"vary": "Accept-Encoding"}
    shop.body = plain
    (answer,) = ask(balancer, 1, headers={"accept-encoding": "identity"})
    assert (answer.content, answer.headers["x-served-by"]) == (plain, "shop-1")


def test_what_a_dead_instance_said_is_still_answered_and_is_counted(balancer, shop):
    def answered_by():
        shop.hangs_up = False
        ask(balancer, 20)
        shop.hangs_up = True
        return ask(balancer, 1)[0].headers.get("x-served-by")

    # Kept for whole seconds: one that turns between the two leaves nothing to answer with, two in a row do not.
    until(lambda: answered_by() == "cache", seconds=10)
    assert balancer.metric("haproxy_backend_http_cache_lookups_total") >= 21
    assert balancer.metric("haproxy_backend_http_cache_hits_total") >= 10
