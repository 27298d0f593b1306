"""Clients that send slowly, or too much, cost an instance nothing."""

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from compose.config.haproxy import IN_FLIGHT_PER_WORKER
from tests.component.balancer import balanced
from tests.component.instances import Instance
from tests.waiting import until

# More than the one instance may have at once.
SLOW = IN_FLIGHT_PER_WORKER + 20
HEAD = b"POST /orders HTTP/1.1\r\nHost: shop\r\nIdempotency-Key: k\r\n"


def send(balancer, text):
    """A connection on which this was sent, open until the caller closes it."""
    url = urlsplit(balancer.url)
    connection = socket.create_connection((url.hostname, url.port), timeout=10)
    connection.sendall(text)
    return connection


def test_orders_whose_bodies_do_not_come_take_no_place_at_an_instance(tmp_path):
    shop = Instance("shop-1")
    with balanced(tmp_path, shop) as balancer, ExitStack() as open_connections:
        for _ in range(SLOW):
            slow = send(balancer, HEAD + b"Content-Length: 1000\r\n\r\n{")
            open_connections.enter_context(slow)
        # All have been seen: each is a request of the frontend by now, or waits to be one.
        until(lambda: balancer.metric("haproxy_frontend_current_sessions") >= SLOW)
        assert balancer.metric("haproxy_server_current_sessions", "shop-1") == 0
        assert balancer.get().status_code == 200
        slow.settimeout(15)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")  # after 5 s, `timeout http-request`


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"Content-Length: 10000\r\n\r\n" + b"x" * 10_000, id="of a known length"),
        # What does not fit HAProxy's buffer would else be passed on as it comes, however slowly that is.
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n4e20\r\n" + b"x" * 20_000, id="in chunks"),
    ],
)
def test_a_body_longer_than_any_of_ours_is_413_and_no_instance_sees_it(tmp_path, body):
    shop = Instance("shop-1")
    with balanced(tmp_path, shop) as balancer, send(balancer, HEAD + body) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 413")
        assert not shop.requests
