"""A real HAProxy with the project's own template, in front of instances that misbehave on command."""

import dataclasses
import re
import socket
import subprocess
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from chaos.reach.haproxy import PANIC, HAProxy
from compose import sizing
from compose.config import credentials, render
from compose.settings import from_environment
from compose.tools import find
from compose.topology import Program, Topology, Wave
from tests.component.instances import running
from tests.ports import free_port
from tests.waiting import until

# Of a client; longer than any answer takes, for HAProxy's server time-out is 4 s.
PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Balancer:
    """A running HAProxy."""

    url: str
    metrics_url: str
    client: httpx.Client
    """A connection of its own for each request."""
    edges_metrics_urls: list[str] = field(default_factory=list)
    https: int = 0
    """The port for HTTPS, where it has a certificate."""

    def metric(self, name, server=None, **labels):
        """A metric of the backend `shop`, or of one of its servers, as a number."""
        wanted = {"proxy": "shop"} | ({"server": server} if server else {}) | labels
        return self._metric(self.metrics_url, name, wanted)

    def edges_connections(self):
        """How many users each edge has now."""
        name, wanted = "haproxy_frontend_current_sessions", {"proxy": "users"}
        return [self._metric(url, name, wanted) for url in self.edges_metrics_urls]

    def _metric(self, url, name, wanted):
        for line in self.client.get(url).text.splitlines():
            found = re.match(r"^(\w+)\{(.*)\} (\S+)$", line)
            if found and found[1] == name and wanted == dict(re.findall(r'(\w+)="([^"]*)"', found[2])):
                return float(found[3])
        raise AssertionError(f"no metric {name} with {wanted}")

    def down(self):
        """Whether HAProxy has no server left, not even for panic routing."""
        return self.metric("haproxy_backend_status", state="UP") == 0

    def up(self, server):
        """Whether HAProxy would send requests to this server."""
        return self.metric("haproxy_server_status", server, state="UP") == 1

    def get(self, path="/products/sku-0001", **options):
        """Ask as a user."""
        return self.client.get(path, **options)


def topology(ports, front, inventory_front, metrics, edges=0, https=(), secrets=Path()):
    """Instances `shop-1`, `shop-2`… on these ports behind one HAProxy, with so many edges in front of it."""
    shops = [Program(f"shop-{number}", "shop", (port,), Wave.SERVICES) for number, port in enumerate(ports, 1)]
    haproxy = Program("haproxy", "haproxy", (front, inventory_front, metrics, *https), Wave.FRONT)
    before = [Program(f"edge-{number}", "edge", (free_port(),), Wave.FRONT) for number in range(1, edges + 1)]
    users = free_port() if edges else 0
    return Topology((*shops, haproxy, *before), (), inventory_front, metrics, users, secrets=secrets)


def _configured(folder, ports, settings):
    https = [free_port()] if settings.certificate else []
    edges = sizing.size(settings).edges
    made = topology(ports, free_port(), free_port(), free_port(), edges, https, folder / "secrets")
    (folder / "run").mkdir()
    credentials.make(folder / "secrets")
    credentials.keep_certificate(settings.certificate, folder / "secrets")
    texts = {"haproxy": render.haproxy_cfg(settings, made)}
    texts |= {edge.name: render.edge_cfg(edge, settings, made) for edge in made.of_role("edge")}
    for name, text in texts.items():
        (folder / f"{name}.cfg").write_text(text)
    return made, [folder / f"{name}.cfg" for name in texts]


@contextmanager
def haproxy(folder, ports, limits=None, **switches):
    """HAProxy in front of these ports, with switches such as SHOP_LB_RETRIES="off".

    STORMDRILL_CONNECTIONS gives it edges, by `limits` that are not this machine's.
    """
    settings = from_environment({"STORMDRILL_STATE": str(folder), **switches})
    settings = dataclasses.replace(settings, limits=limits or settings.limits)
    made, configs = _configured(folder, ports, settings)
    url = f"http://127.0.0.1:{made.users}"
    one_each = httpx.Limits(max_connections=None)
    with (
        (folder / "haproxy.log").open("wb") as log,
        httpx.Client(
            base_url=url, headers={"connection": "close"}, timeout=PATIENCE_SECONDS, limits=one_each
        ) as client,
    ):
        program = find().path("haproxy")
        processes = [subprocess.Popen((program, "-db", "-f", config), stderr=log) for config in configs]
        try:
            # Its admin socket comes after its ports.
            until(lambda: _listens(made.one("haproxy").port) and _listens(folder / "run" / "haproxy.sock"))
            until(lambda: all(_listens(edge.port) for edge in made.of_role("edge")))
            edges = [f"http://127.0.0.1:{edge.port}/metrics" for edge in made.of_role("edge")]
            yield Balancer(url, f"http://127.0.0.1:{made.haproxy_metrics}/metrics", client, edges, made.https)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(10)


@contextmanager
def rapid(balancer):
    """Ask so many times, one after the other on one connection; status and instance of each answer.

    Outlier detection counts what fails within half a second: httpx would spend most of that on itself.
    """
    connection = HTTPConnection(urlsplit(balancer.url).netloc, timeout=PATIENCE_SECONDS)

    def one():
        connection.request("GET", "/carts")
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("x-served-by")

    with closing(connection):
        yield lambda number: [one() for _ in range(number)]


def eject_all(balancer, shops, ask):
    """Have every instance fail every request until HAProxy has ejected all of them at once; the answers."""
    for shop in shops:
        shop.status = 503
    seen = []

    def none_up():
        seen.extend(ask(90))
        return balancer.metric("haproxy_backend_active_servers") == 0

    until(none_up)
    return seen


def _listens(where):
    family, address = (socket.AF_INET, ("127.0.0.1", where)) if isinstance(where, int) else (socket.AF_UNIX, str(where))
    with suppress(OSError), socket.socket(family) as client:
        client.settimeout(1)
        client.connect(address)
        return True
    return False


@contextmanager
def balanced(folder, *instances, limits=None, **switches):
    """Instances that run and an HAProxy that knows their state."""
    with ExitStack() as stack:
        stack.enter_context(running(instances))
        balancer = stack.enter_context(haproxy(folder, [one.port for one in instances], limits, **switches))
        until(lambda: _knows(folder, instances))
        yield balancer


def _knows(folder, instances):
    """Whether each server, second ones too, was checked. Until then it is up, and one late answer takes it down."""
    wanted = {one.name: "UP" if one.ready else "DOWN" for one in instances}
    rows = HAProxy(folder / "run" / "haproxy.sock").statistics()
    said = [(row["svname"].removeprefix(PANIC), row["status"]) for row in rows]
    return all(status in (wanted[name], "no check") for name, status in said if name in wanted)
