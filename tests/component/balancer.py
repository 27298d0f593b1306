"""A real HAProxy with the project's own template, and instances behind it that misbehave on command."""

import asyncio
import dataclasses
import re
import socket
import subprocess
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
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
from tests.ports import free_port
from tests.waiting import SEEN_WITHIN_SECONDS, until

# Of a client; longer than any answer takes, for HAProxy's server time-out is 4 s.
PATIENCE_SECONDS = 10


@dataclass
class Request:
    """One request as it arrived at an instance."""

    method: str
    path: str
    headers: dict[str, str]
    """Of one that is there twice, the last."""
    names: list[str]
    """Of all headers."""


@dataclass
class Instance:
    """A server that answers as it is told; its attributes may be changed while it runs."""

    name: str
    port: int = field(default_factory=free_port)
    ready: bool = True
    """What /readyz says."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    seconds: float = 0.0
    """From the request to its answer."""
    hangs_up: bool = False
    """Close the connection instead of answering."""
    hangs: bool = False
    """Answer nothing any more, /readyz included, as a stopped process does; connections are still taken."""
    holds: bool = False
    """Answer no request until it is told otherwise; /readyz is answered."""
    checks: int = 0
    """How often /readyz was asked."""
    requests: list[Request] = field(default_factory=list)
    """All that arrived, but for /readyz."""
    waiting: int = 0
    """Requests it has in hand."""
    most_waiting: int = 0

    async def serve(self, reader, writer):
        """Serve one connection."""
        try:
            while request := await self._read(reader):
                if self.hangs:
                    await asyncio.Event().wait()
                if request.path == "/readyz":
                    self.checks += 1
                    writer.write(self._answer(200 if self.ready else 503, {}, b""))
                elif not await self._answered(request, writer):
                    break
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has left
        finally:
            writer.close()

    async def _read(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        method, path, _ = first.split()
        pairs = [line.lower().split(": ", 1) for line in lines if line]
        headers = dict(pairs)
        await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, path, headers, [name for name, _ in pairs])

    async def _answered(self, request, writer):
        self.requests.append(request)
        if self.hangs_up:
            return False
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await asyncio.sleep(self.seconds)
        while self.holds:  # noqa: ASYNC110  # it is told from another thread
            await asyncio.sleep(0.02)
        self.waiting -= 1
        writer.write(self._answer(self.status, self.headers, self.body))
        return True

    def _answer(self, status, headers, body):
        lines = [f"HTTP/1.1 {status} Told", f"content-length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def running(instances):
    """Serve these instances from one thread."""
    loop = asyncio.new_event_loop()
    ready, ending = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve_all(instances, ready, ending)))
    thread.start()
    try:
        assert ready.wait(SEEN_WITHIN_SECONDS)
        yield
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(SEEN_WITHIN_SECONDS)
        loop.close()


async def _serve_all(instances, ready, ending):
    taken = {}

    def take(instance, reader, writer):
        task = asyncio.ensure_future(instance.serve(reader, writer))
        taken[task] = writer
        task.add_done_callback(taken.pop)

    # A short backlog would refuse the rush that a test makes on purpose.
    servers = [await asyncio.start_server(partial(take, one), "127.0.0.1", one.port, backlog=4096) for one in instances]
    ready.set()
    await ending.wait()
    # Nothing is accepted any more, then what only just was is finished: a closed server leaves that open (Python 3.11).
    for listening in (each for server in servers for each in server.sockets):
        asyncio.get_running_loop().remove_reader(listening)
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task(), *taken}, return_exceptions=True)
    for server in servers:
        server.close()
    # A task that is cancelled before it has begun closes nothing itself.
    for task, writer in taken.items():
        writer.close()
        task.cancel()
    await asyncio.gather(*taken, return_exceptions=True)
    await asyncio.sleep(0)  # closed transports take a turn of the loop


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


@contextmanager
def haproxy(folder, ports, limits=None, **switches):
    """HAProxy in front of these ports, with switches such as SHOP_LB_RETRIES="off".

    STORMDRILL_CONNECTIONS gives it edges, by `limits` that are not this machine's.
    """
    settings = from_environment({"STORMDRILL_STATE": str(folder), **switches})
    settings = dataclasses.replace(settings, limits=limits or settings.limits)
    metrics = free_port()
    https = [free_port()] if settings.certificate else []
    edges = sizing.size(settings).edges
    made = topology(ports, free_port(), free_port(), metrics, edges, https, folder / "secrets")
    (folder / "run").mkdir()
    credentials.make(folder / "secrets")
    credentials.keep_certificate(settings.certificate, folder / "secrets")
    configs = [folder / "haproxy.cfg", *(folder / f"{edge.name}.cfg" for edge in made.of_role("edge"))]
    texts = [
        render.haproxy_cfg(settings, made),
        *(render.edge_cfg(edge, settings, made) for edge in made.of_role("edge")),
    ]
    for config, text in zip(configs, texts, strict=True):
        config.write_text(text)
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
            yield Balancer(url, f"http://127.0.0.1:{metrics}/metrics", client, edges, made.https)
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
