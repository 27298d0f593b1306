"""Edges in front of HAProxy: users' connections and the cache are theirs, everything else stays HAProxy's."""

import http.client
import time
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest

from compose.config.haproxy import SESSIONS_OF_ONE
from compose.limits import Limits
from tests.component.balancer import Instance, balanced
from tests.waiting import until

SHARED = {"cache-control": "public, max-age=2", "content-type": "application/json"}
# So that two edges are needed for 300 connections: each has room for 200.
FEW_FILES = Limits(files=600, memory_bytes=2**30, cores=1)
CONNECTIONS = 300


@pytest.fixture
def shop():
    return Instance("shop-1", headers=dict(SHARED), body=b'{"sku":"sku-0001"}')


@pytest.fixture
def settings():
    return {"STORMDRILL_CONNECTIONS": str(CONNECTIONS)}


@pytest.fixture
def edged(tmp_path, shop, settings):
    with balanced(tmp_path, shop, limits=FEW_FILES, **settings) as balancer:
        assert len(balancer.edges_metrics_urls) == 2
        yield balancer


def connected(balancer, source="127.0.0.1"):
    address = urlsplit(balancer.url)
    return http.client.HTTPConnection(address.hostname, address.port, timeout=10, source_address=(source, 0))


def asked(connection, path="/products/sku-0001", method="GET", **headers):
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_all_that_were_asked_for_are_held_at_once_and_each_is_answered(edged):
    with ExitStack() as held:
        connections = [held.enter_context(closing(connected(edged))) for _ in range(CONNECTIONS)]
        assert {asked(connection)[0] for connection in connections} == {200}
        # Metrics are asked for on a port of their own; both edges have users.
        assert sum(edged.edges_connections()) == CONNECTIONS
        assert min(edged.edges_connections()) > 0
        assert {asked(connection)[0] for connection in connections} == {200}


def test_haproxy_keeps_none_of_the_users_connections(edged):
    with ExitStack() as held:
        connections = [held.enter_context(closing(connected(edged))) for _ in range(100)]
        for connection in connections:
            asked(connection)
        assert edged.metric("haproxy_frontend_current_sessions") < 10


def test_users_who_come_at_once_share_the_connections_to_haproxy(edged, shop):
    """Each one's first request on a connection of its own would take all that HAProxy has."""
    # An edge's cache must not answer for it.
    shop.headers["cache-control"] = "no-store"
    with ExitStack() as held:
        connections = [held.enter_context(closing(connected(edged))) for _ in range(CONNECTIONS)]
        for connection in connections:
            assert asked(connection, "/carts")[0] == 200
        assert len(shop.requests) == CONNECTIONS
        assert edged.metric("haproxy_frontend_current_sessions") < 30


def test_an_answer_is_never_older_than_it_may_be(edged, shop):
    """A second cache behind the first would double that."""
    with closing(connected(edged)) as connection:
        asked(connection)
        shop.body = b'{"sku":"changed"}'
        changed_at = last_asked_at = time.monotonic()

        def seen():
            nonlocal last_asked_at
            last_asked_at = time.monotonic()
            return b"changed" in asked(connection)[2]

        until(seen)
    # Time is counted in whole seconds.
    assert last_asked_at - changed_at < 2 + 1.5


def test_an_answer_from_an_edges_cache_says_so(edged, shop):
    with closing(connected(edged)) as connection:
        named = [asked(connection)[1]["X-Served-By"] for _ in range(20)]
    assert named.count("shop-1") == len(shop.requests) < 10
    assert set(named) == {"shop-1", "cache"}


@pytest.fixture
def one_proxy(settings):
    settings["STORMDRILL_PROXIES"] = "127.0.0.1/32"


@pytest.mark.usefixtures("one_proxy")
def test_the_users_address_reaches_the_services_and_not_what_a_user_says_of_it(edged, shop):
    # An edge's cache must not answer for it.
    shop.headers["cache-control"] = "no-store"
    # The last is whom a proxy of ours has seen; it is none of ours that is at the other address.
    said = {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}
    for source, told in (("127.0.0.1", "203.0.113.9"), ("127.0.0.5", "127.0.0.5")):
        with closing(connected(edged, source)) as connection:
            assert asked(connection, "/carts", **said)[0] == 200
        assert shop.requests[-1].headers["x-forwarded-for"] == told


@pytest.mark.usefixtures("one_proxy")
def test_each_client_of_a_proxy_before_the_edges_is_limited_by_itself(edged):
    with closing(connected(edged)) as connection:
        for client, others in (("203.0.113.7", 20), ("203.0.113.8", 0)):
            said = {"X-Forwarded-For": client}
            wanted = SESSIONS_OF_ONE + others
            statuses = [asked(connection, "/sessions", "POST", **said)[0] for _ in range(wanted)]
            assert statuses == [200] * SESSIONS_OF_ONE + [429] * others


def test_haproxys_own_answers_come_through(edged, shop):
    shop.headers["cache-control"] = "no-store"
    with closing(connected(edged)) as connection:
        assert asked(connection, "/backoffice/orders")[0] == 404
        assert asked(connection, "/%62ackoffice/orders")[0] == 404
    shop.ready = False
    until(edged.down)
    with closing(connected(edged)) as connection:
        status, headers, body = asked(connection, "/carts")
    assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "application/problem+json", "1")
    assert b"no instance can take the request now" in body


def test_an_edge_is_asked_for_metrics_and_products_at_a_port_of_its_own(edged):
    for url in edged.edges_metrics_urls:
        for path, status in (("/products/sku-0001", 200), ("/metrics", 200), ("/carts", 404), ("/", 404)):
            assert edged.client.get(url.replace("/metrics", path)).status_code == status
