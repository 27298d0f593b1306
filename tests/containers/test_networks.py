"""From a shop somebody has taken over: which port of which container answers."""

import json

import pytest

from compose.topology import SHOPS
from tests.containers.test_stack import mine  # noqa: F401  # a fixture

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# Tries each address, and prints the ports at which a connection was made.
_TRY = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def connects(where):
    try:
        socket.create_connection(tuple(where), 2).close()
        return where
    except OSError:
        return None
with ThreadPoolExecutor(64) as pool:
    print(json.dumps([one for one in pool.map(connects, json.load(sys.stdin)) if one]))
"""


def reached_from(container, addresses):
    """Those of the addresses that take a connection from within the container."""
    told = json.dumps(addresses)
    code = f"import io, sys; sys.stdin = io.StringIO({told!r})\n{_TRY}"
    done = container.exec_run(["python", "-c", code])
    assert done.exit_code == 0, done.output
    return {tuple(each) for each in json.loads(done.output)}


def test_a_shop_reaches_what_it_needs_and_nothing_that_administers(containers, mine):  # noqa: F811
    topology = containers.topology
    ports = {port: name for port, name in topology.all_ports().items() if name != "watchdog"}
    ports |= {proxy.listen: "a way through toxiproxy" for proxy in topology.proxies}
    addresses, owners = [], {}
    for name, container in mine.items():
        for network in container.attrs["NetworkSettings"]["Networks"].values():
            owners[network["IPAddress"]] = name
            addresses += [(network["IPAddress"], port) for port in ports]
    reached = {(owners[address], port) for address, port in reached_from(mine["shop-1"], addresses)}
    others = ("pager", "metrics-postgres")
    ways = {("toxiproxy", proxy.listen) for proxy in topology.proxies if proxy.name not in others}
    # What it does need is there; else this would show nothing.
    assert {("toxiproxy", proxy.listen) for proxy in topology.proxies if proxy.name.endswith("shop-1")} <= reached
    reached -= ways
    found = {name for name, _ in reached}
    forbidden = {"prometheus", "alertmanager", "pager", "toxiproxy", "jaeger", "grafana"}
    assert not found & forbidden, {each for each in reached if each[0] in forbidden}
    assert {f"shop-{number}" for number in range(1, SHOPS + 1)} <= found
