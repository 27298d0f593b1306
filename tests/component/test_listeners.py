"""docs/security.md says of each listener who may reach it and what a stranger gets; here a running stack is asked."""

import re
import stat

import httpx
import psutil
import psycopg
import pytest
import redis

from compose.native import processes
from compose.settings import ROOT

pytestmark = pytest.mark.stack

_ROW = re.compile(r"^\| ([\d, -]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
OPEN, SHUT = "open", "shut"


def offsets(text):
    """The numbers of `1, 3-5`."""
    parts = [part.partition("-") for part in text.split(", ")]
    return [number for first, _, last in parts for number in range(int(first), int(last or first) + 1)]


@pytest.fixture(scope="module")
def documented():
    """Listener → its numbers."""
    found = {listener: offsets(at) for at, listener, _, _ in _ROW.findall((ROOT / "docs/security.md").read_text())}
    assert len(found) > 15
    return found


@pytest.fixture(scope="module")
def listening(stack):
    """Number → the addresses that the stack's own processes listen on there."""
    mine = {process.pid for process in processes.ours(stack.settings.state)}
    # Other tests of this session may have made ways of their own.
    ways = httpx.get(f"{stack.url('toxiproxy')}/proxies").json()
    others = {way["listen"] for way in ways.values()} - {f"127.0.0.1:{way.listen}" for way in stack.topology.proxies}
    found = {}
    for one in psutil.net_connections("inet"):
        if one.status == psutil.CONN_LISTEN and one.pid in mine and f"127.0.0.1:{one.laddr.port}" not in others:
            found.setdefault(one.laddr.port - stack.settings.port_base, set()).add(one.laddr.ip)
    assert found
    return found


def test_nothing_listens_beyond_this_machine(listening):
    assert {address for addresses in listening.values() for address in addresses} == {"127.0.0.1"}


def test_every_listener_is_in_the_table_once_and_every_row_listens(documented, listening):
    named = [number for numbers in documented.values() for number in numbers]
    assert len(named) == len(set(named))
    assert set(listening) - {19} <= set(named), "a listener that docs/security.md does not name"
    silent = [listener for listener, numbers in documented.items() if not listening.keys() & {*numbers}]
    assert not silent, "rows of docs/security.md at which nobody listens"


def get(stack, number, path):
    return httpx.get(f"http://127.0.0.1:{stack.settings.port_base + number}{path}", timeout=5).status_code


def postgres(stack, number, role="stormdrill"):
    at = f"127.0.0.1:{stack.settings.port_base + number}"
    try:
        psycopg.connect(f"postgresql://{role}@{at}/stormdrill?passfile=/nowhere", connect_timeout=5).close()
    except psycopg.OperationalError as error:
        return SHUT if "password" in str(error) else str(error)
    return OPEN


def pings(stack, number):
    with redis.Redis(port=stack.settings.port_base + number, socket_timeout=5) as client:
        try:
            client.ping()
        except redis.AuthenticationError:
            return SHUT
        return OPEN


# What docs/security.md says of a stranger, tried at the first of the row's ports; None: it speaks no protocol of ours.
TRIED = {
    "HAProxy, users": lambda stack, at: (
        get(stack, at, "/products/sku-0001"),
        get(stack, at, "/backoffice/products/sku-0001"),
    ),
    "HAProxy, inventory": lambda stack, at: get(stack, at, "/stock/sku-0001"),
    "HAProxy, metrics": lambda stack, at: (get(stack, at, "/metrics"), get(stack, at, "/stats")),
    "Prometheus": lambda stack, at: get(stack, at, "/api/v1/status/config"),
    "Alertmanager": lambda stack, at: get(stack, at, "/api/v2/silences"),
    "pager": lambda stack, at: get(stack, at, "/deliveries"),
    "Jaeger": lambda stack, at: get(stack, at, "/api/services"),
    "Toxiproxy's API": lambda stack, at: get(stack, at, "/proxies"),
    "watchdog": lambda stack, at: get(stack, at, "/metrics"),
    "Postgres": postgres,
    "exporters": lambda stack, at: get(stack, at, "/metrics"),
    "Redis": pings,
    "Redis, the cluster's bus": None,
    "Toxiproxy, ways to Redis": pings,
    "Toxiproxy, ways to Postgres": postgres,
    "Toxiproxy, ways to inventory": lambda stack, at: get(stack, at, "/stock/sku-0001"),
    "Toxiproxy, ways to the pager, metrics and traces": lambda stack, at: get(stack, at, "/deliveries"),
    "shop instances": lambda stack, at: get(stack, at, "/backoffice/products/sku-0001"),
    "inventory instances": lambda stack, at: get(stack, at, "/stock/sku-0001"),
    "workers' metrics": lambda stack, at: get(stack, at, "/metrics"),
}
WANTED = {
    "HAProxy, users": (200, 404),
    "HAProxy, metrics": (200, 404),
    "Postgres": SHUT,
    "Toxiproxy, ways to Postgres": SHUT,
    "Redis": SHUT,
    "Toxiproxy, ways to Redis": SHUT,
    # The service's own answer: products are changed there, and not read.
    "shop instances": 405,
}
"""All others answer 200."""


def test_each_row_is_tried(documented):
    assert documented.keys() == TRIED.keys()


@pytest.mark.parametrize("listener", [name for name, tried in TRIED.items() if tried])
def test_a_stranger_gets_what_is_said(stack, documented, listening, listener):
    at = next(number for number in documented[listener] if number in listening)
    assert TRIED[listener](stack, at) == WANTED.get(listener, 200)


def test_products_are_changed_at_an_instance_and_not_through_the_front(stack, documented):
    body = {"name": "Product 1", "price_cents": 107}
    at = {name: f"http://127.0.0.1:{stack.settings.port_base + documented[name][0]}" for name in documented}
    assert httpx.put(f"{at['HAProxy, users']}/backoffice/products/sku-0001", json=body, timeout=5).status_code == 404
    assert httpx.put(f"{at['shop instances']}/backoffice/products/sku-0001", json=body, timeout=5).is_success


def test_sockets_that_are_files_are_their_owners_alone(stack):
    found = {path.name: path for path in stack.settings.state.rglob("*") if path.is_socket()}
    assert found.keys() == {"supervisor.sock", "haproxy.sock"}
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in found.values())
