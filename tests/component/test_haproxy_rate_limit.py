"""One address may ask for so much and begin so many sessions; what is beyond that reaches no instance."""

import itertools
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from compose.config.haproxy import REQUESTS_OF_ONE, SESSIONS_OF_ONE
from tests.component.balancer import PATIENCE_SECONDS, Instance, balanced
from tests.waiting import until

# Its own proxies are at this one address, and nobody else's.
PROXY = "127.0.0.1"
STRANGER, ANOTHER = "127.0.0.2", "127.0.0.3"
STRICT = {"STORMDRILL_PROXIES": f"{PROXY}/32"}


@pytest.fixture
def shop():
    return Instance("shop-1")


def ask(balancer, times, source, method="GET", path="/products/sku-0001", **headers):
    """Ask from an address, one after the other on one connection; how often there was which status."""
    at = urlsplit(balancer.url)
    connection = HTTPConnection(at.hostname, at.port, timeout=PATIENCE_SECONDS, source_address=(source, 0))
    statuses = Counter()
    with closing(connection):
        for _ in range(times):
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
    return statuses


def flood(balancer):
    """Ask until an answer is 429: what was asked longer ago than 10 s does not count, should the machine be slow."""
    statuses = Counter()

    def refused():
        statuses.update(ask(balancer, 100, STRANGER))
        return statuses[429] > 0

    until(refused)
    return statuses


def limited(balancer):
    return balancer.metric("haproxy_backend_requests_denied_total", proxy="limited")


def test_an_address_that_floods_is_refused_and_no_other_is(tmp_path, shop):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        statuses = flood(balancer)
        assert statuses.keys() == {200, 429}
        assert statuses[200] >= REQUESTS_OF_ONE
        assert len(shop.requests) == statuses[200], "what is refused reaches no instance"
        assert limited(balancer) == statuses[429]
        assert ask(balancer, 20, ANOTHER) == {200: 20}


def test_what_is_refused_says_so_as_the_services_would(tmp_path, shop):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        flood(balancer)
        at = urlsplit(balancer.url)
        with closing(HTTPConnection(at.hostname, at.port, timeout=5, source_address=(STRANGER, 0))) as connection:
            connection.request("GET", "/cart")
            answer = connection.getresponse()
            assert answer.status == 429
            assert answer.getheader("content-type") == "application/problem+json"
            assert answer.getheader("retry-after") == "10"
            assert b"urn:stormdrill:problem:too-many-requests" in answer.read()


@pytest.mark.parametrize("path", ["/sessions", "/%73essions", "/sessions/", "/sessions?x=1"])
def test_sessions_are_counted_by_themselves_and_sooner(tmp_path, shop, path):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        statuses = ask(balancer, SESSIONS_OF_ONE + 20, STRANGER, "POST", path)
        assert statuses == {200: SESSIONS_OF_ONE, 429: 20}
        # All else is the address's as before, and so are others' sessions.
        assert ask(balancer, 20, STRANGER) == {200: 20}
        assert ask(balancer, 20, STRANGER, path="/sessions/me") == {200: 20}
        assert ask(balancer, 5, ANOTHER, "POST", path) == {200: 5}


def test_behind_a_proxy_of_ours_each_of_its_clients_is_counted(tmp_path, shop):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        session = ("POST", "/sessions")
        # The proxy itself, such as its health checks, is not limited.
        assert ask(balancer, SESSIONS_OF_ONE + 20, PROXY, *session) == {200: SESSIONS_OF_ONE + 20}
        # What a client has put before what the proxy adds changes nothing.
        made_up = (f"10.0.0.{number}" for number in itertools.count())
        statuses = Counter()
        for _ in range(SESSIONS_OF_ONE + 20):
            forwarded = {"X-Forwarded-For": f"{next(made_up)}, 203.0.113.7"}
            statuses += ask(balancer, 1, PROXY, *session, **forwarded)
        assert statuses == {200: SESSIONS_OF_ONE, 429: 20}
        assert shop.requests[-1].headers["x-forwarded-for"] == "203.0.113.7"
        assert ask(balancer, 5, PROXY, *session, **{"X-Forwarded-For": "203.0.113.8"}) == {200: 5}


def said_by_the_proxy(balancer, clients):
    forwarded = ({"X-Forwarded-For": client} for client in clients)
    return sum((ask(balancer, 1, PROXY, "POST", "/sessions", **said) for said in forwarded), Counter())


def test_who_has_a_network_of_ipv6_is_one_client(tmp_path, shop):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        clients = [f"2001:db8:0:1::{number:x}" for number in range(SESSIONS_OF_ONE + 20)]
        assert said_by_the_proxy(balancer, clients) == {200: SESSIONS_OF_ONE, 429: 20}
        # The services are told which address it was.
        assert shop.requests[-1].headers["x-forwarded-for"] == clients[SESSIONS_OF_ONE - 1]
        assert said_by_the_proxy(balancer, ["2001:db8:0:2::1"]) == {200: 1}


def test_addresses_of_ipv4_are_one_by_one_however_they_are_written(tmp_path, shop):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        clients = [f"::ffff:203.0.113.{number}" for number in range(SESSIONS_OF_ONE + 20)]
        assert said_by_the_proxy(balancer, clients) == {200: len(clients)}
        assert said_by_the_proxy(balancer, ["203.0.113.250"] * SESSIONS_OF_ONE) == {200: SESSIONS_OF_ONE}
        assert said_by_the_proxy(balancer, ["::ffff:203.0.113.250"]) == {429: 1}


def test_who_may_begin_no_session_for_now_is_told_to_come_when_it_is_over(tmp_path, shop):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        ask(balancer, SESSIONS_OF_ONE, STRANGER, "POST", "/sessions")
        at = urlsplit(balancer.url)
        with closing(HTTPConnection(at.hostname, at.port, timeout=5, source_address=(STRANGER, 0))) as connection:
            connection.request("POST", "/sessions")
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("retry-after")) == (429, "60")


def test_whoever_is_no_proxy_of_ours_is_not_believed(tmp_path, shop):
    with balanced(tmp_path, shop, **STRICT) as balancer:
        statuses = Counter()
        for number in range(SESSIONS_OF_ONE + 20):
            # Another's address, an exempt one, none, and no address.
            said = (f"203.0.113.{number}", PROXY, "", "nobody")[number % 4]
            statuses += ask(balancer, 1, STRANGER, "POST", "/sessions", **{"X-Forwarded-For": said})
        assert statuses == {200: SESSIONS_OF_ONE, 429: 20}
        assert {each.headers["x-forwarded-for"] for each in shop.requests} == {STRANGER}


def test_the_stacks_own_load_is_not_limited(tmp_path, shop):
    with balanced(tmp_path, shop) as balancer:
        for source in (PROXY, STRANGER):
            assert ask(balancer, SESSIONS_OF_ONE + 20, source, "POST", "/sessions") == {200: SESSIONS_OF_ONE + 20}
        assert limited(balancer) == 0
        flood = {"X-Forwarded-For": "203.0.113.7"}
        assert ask(balancer, SESSIONS_OF_ONE + 20, PROXY, "POST", "/sessions", **flood)[429] == 20


def test_without_the_limit_nobody_is_refused(tmp_path, shop):
    with balanced(tmp_path, shop, SHOP_RATE_LIMIT="off", **STRICT) as balancer:
        wanted = REQUESTS_OF_ONE + 100
        assert ask(balancer, wanted, STRANGER) == {200: wanted}
        # Its series stays, so that the alert has something to look at.
        assert limited(balancer) == 0
