"""The one table of what runs: every program, its role, its ports and when it may start.

Ports are offsets from the stack's port base, so one setting moves the whole range.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from compose import sizing
from compose.settings import MOST_WORKERS, SHOPS, StackSettings

LOOPBACK = "127.0.0.1"
THIS_MACHINE = "host.docker.internal"
"""What a container calls the machine it runs on."""
OUTSIDE = frozenset({"watchdog"})
"""Roles that are no containers: the watchdog controls these, and is no part of what is attacked."""
INVENTORIES = 2
REDIS_NODES = 6
REDIS_REPLICAS_PER_MASTER = 1
PORT_SPAN = 200
PORT_SPAN_OF_MORE_SHOPS = 300
"""Of a stack with more than SHOPS shops: what belongs to the others has ports behind those of every stack."""
EDGES_FROM = 300
"""Offset of the first edge's port for metrics; who is started beside a stack takes those below."""
BEHIND_EDGES = 9
"""Offset of HAProxy's port where edges have the users'."""
METRICS_PORTS_PER_WORKER = 2  # a worker that replaces another finds a free port while the old one still drains


class Wave(IntEnum):
    """Start order: a wave starts when all before it are proven ready."""

    BACKING = 1
    SERVICES = 2
    FRONT = 3


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process group."""

    name: str
    role: str
    ports: tuple[int, ...]
    """Absolute TCP ports on loopback that it listens on, its main port first."""
    wave: Wave
    metrics_ports: tuple[int, ...] = ()
    """Absolute ports its worker processes serve metrics on, one per live worker; most may be unused."""
    replicas: int = 0
    """How many instances of it a Swarm runs, alike and anywhere; 0: it is one instance, and nobody's replica."""

    @property
    def port(self) -> int:
        """Its main port."""
        return self.ports[0]

    @property
    def number(self) -> int:
        """The instance's number within its role, from 1; 1 where there is only one."""
        _, _, tail = self.name.rpartition("-")
        return int(tail) if tail.isdecimal() else 1

    @property
    def instances(self) -> tuple[str, ...]:
        """The names of its instances: its own, or that of each replica."""
        return tuple(f"{self.name}-{slot}" for slot in range(1, self.replicas + 1)) or (self.name,)


@dataclass(frozen=True, slots=True)
class Proxy:
    """One Toxiproxy proxy: a way from one part of the stack to another on which faults can be put."""

    name: str
    """Without a slash: Toxiproxy takes the name from the path of a request."""
    listen: int
    upstream: int
    links: tuple[str, ...]
    """Names of the links that it is part of: the dependency as a whole, one role's, and one caller's own way to it."""


@dataclass(frozen=True, slots=True)
class Topology:
    """All programs and proxies of one stack, with absolute ports."""

    programs: tuple[Program, ...]
    proxies: tuple[Proxy, ...]
    inventory_front: int
    """HAProxy's port in front of the inventory instances."""
    haproxy_metrics: int
    front: int = 0
    """Where users come in; 0: at HAProxy's first port."""
    grafana: int = 0
    """The port for Grafana, whether this stack runs it or somebody who looks."""
    jaeger_ui: int = 0
    """The first of two ports for Jaeger's pages, which somebody who looks may run beside a Jaeger that has none."""
    secrets: Path = Path()
    """The folder of passwords, each in a file for its owner alone."""
    redis_passwords: bool = True
    """Whether Redis has users with passwords; the self-contained file's, whose images have a user each, has none."""
    apart: bool = False
    """Whether each program has a network of its own, as a container has, in which it goes by its name."""

    @property
    def listen(self) -> str:
        """The address that every program listens on."""
        return "0.0.0.0" if self.apart else LOOPBACK  # noqa: S104  # inside a container; published on loopback

    def listen_for_administrators(self, program: Program) -> str:
        """The address at which those reach a program who may silence, break or make something up.

        In containers it has a name of its own, on a network that no service is on. On a Swarm's networks, whose ports
        Docker publishes at yet another address, it is as for all.
        """
        return f"{program.name}-admin" if self.apart and not self.replicated else self.listen

    def host(self, port: int) -> str:
        """Where the stack's other programs find who listens on this port."""
        return self._owners()[port] if self.apart else LOOPBACK

    def at(self, port: int) -> str:
        """`host:port`, as the stack's other programs reach it."""
        return f"{self.host(port)}:{port}"

    def from_outside(self) -> "Topology":
        """The same stack as this machine's own programs reach it: every port on loopback."""
        return dataclasses.replace(self, apart=False)

    @property
    def replicated(self) -> tuple[Program, ...]:
        """The programs of which a Swarm runs replicas."""
        return tuple(program for program in self.programs if program.replicas)

    @property
    def users(self) -> int:
        """The port that users connect to: HAProxy's own, or the one that all edges listen on."""
        return self.front or self.one("haproxy").port

    def of_role(self, role: str) -> tuple[Program, ...]:
        """The programs with this role, in order."""
        return tuple(program for program in self.programs if program.role == role)

    def one(self, role: str) -> Program:
        """The only program with this role."""
        (program,) = self.of_role(role)
        return program

    @property
    def https(self) -> int:
        """HAProxy's port for users who come by HTTPS; 0: there is none."""
        return next(iter(self.one("haproxy").ports[3:]), 0)

    def proxy(self, name: str) -> Proxy:
        """The proxy of this name."""
        return next(proxy for proxy in self.proxies if proxy.name == name)

    def postgres_port(self, program: Program) -> int:
        """Where this program reaches Postgres: through its own proxy if it has one, else directly."""
        own = [proxy.listen for proxy in self.proxies if f"postgres/{program.name}" in proxy.links]
        return own[0] if own else self.one("postgres").port

    def inventory_port(self, program: Program) -> int:
        """Where this program reaches inventory: through its own proxy to HAProxy if it has one, else directly."""
        own = [proxy.listen for proxy in self.proxies if f"inventory/{program.name}" in proxy.links]
        return own[0] if own else self.inventory_front

    def bus_port(self, node: Program) -> int:
        """Where the other nodes of the cluster reach this one."""
        return self.proxy(_bus(node)).listen if self.apart else node.ports[1]

    def links(self) -> dict[str, list[str]]:
        """Each link's name with the names of its proxies."""
        links: dict[str, list[str]] = {}
        for proxy in self.proxies:
            for link in proxy.links:
                links.setdefault(link, []).append(proxy.name)
        return links

    def all_ports(self) -> dict[int, str]:
        """Every port that the stack will listen on, with the name of what does."""
        ports = {port: program.name for program in self.programs for port in (*program.ports, *program.metrics_ports)}
        ports |= {self.front: "the edges"} if self.front else {}
        return ports | {proxy.listen: f"toxiproxy ({proxy.name})" for proxy in self.proxies}

    def _owners(self) -> dict[int, str]:
        ports = {
            port: THIS_MACHINE if program.role in OUTSIDE else program.name
            for program in self.programs
            for port in (*program.ports, *program.metrics_ports)
        }
        return ports | {proxy.listen: self.one("toxiproxy").name for proxy in self.proxies}


def build(
    settings: StackSettings, left_out: frozenset[str] = frozenset(), *, apart: bool = False, replicated: bool = False
) -> Topology:
    """The topology of a stack with these settings, without the roles in `left_out`.

    `replicated`: shop and inventory are one program each with replicas, rather than one for each instance.
    """
    at = settings.port_base.__add__
    edges = 0 if apart else sizing.size(settings).edges
    redis = [Program(f"redis-{n}", "redis", (at(29 + n), at(39 + n)), Wave.BACKING) for n in range(1, REDIS_NODES + 1)]
    programs = (
        Program("postgres", "postgres", (at(20),), Wave.BACKING),
        *redis,
        Program("toxiproxy", "toxiproxy", (at(16),), Wave.BACKING),
        Program("jaeger", "jaeger", (at(13), at(14), at(15), at(18), at(23)), Wave.BACKING),
        Program("pager", "pager", (at(12),), Wave.BACKING, (at(190),)),
        *_service("shop", settings.shops, settings, (71, 100), replicated),
        *_service("inventory", INVENTORIES, settings, (81, 148), replicated),
        *_balancers(settings, edges),
        Program("alertmanager", "alertmanager", (at(11),), Wave.FRONT),
        Program("prometheus", "prometheus", (at(10),), Wave.FRONT),
        Program("watchdog", "watchdog", (at(17),), Wave.FRONT),
        Program("grafana", "grafana", (at(19),), Wave.FRONT),
        Program("postgres-exporter", "postgres-exporter", (at(21),), Wave.FRONT),
        Program("redis-exporter", "redis-exporter", (at(22),), Wave.FRONT),
    )
    proxies = _proxies(programs, at, apart=apart)
    kept = tuple(program for program in programs if program.role not in left_out)
    return Topology(
        kept,
        proxies,
        inventory_front=at(1),
        haproxy_metrics=at(2),
        front=at(0) if edges else 0,
        grafana=at(19),
        jaeger_ui=at(24),
        secrets=settings.state / "secrets",
        apart=apart,
    )


def _balancers(settings: StackSettings, edges: int) -> list[Program]:
    at = settings.port_base.__add__
    https = [at(3)] if settings.certificate else []
    front = Program("haproxy", "haproxy", (at(BEHIND_EDGES if edges else 0), at(1), at(2), *https), Wave.FRONT)
    return [front, *(Program(f"edge-{n}", "edge", (at(EDGES_FROM + n - 1),), Wave.FRONT) for n in range(1, edges + 1))]


def port_span(settings: StackSettings) -> int:
    """How many ports from its base on a stack may take."""
    return PORT_SPAN if settings.shops <= SHOPS else PORT_SPAN_OF_MORE_SHOPS


def _proxies(programs: Sequence[Program], at: Callable[[int], int], *, apart: bool) -> tuple[Proxy, ...]:
    redis = [program for program in programs if program.role == "redis"]
    shops = [program for program in programs if program.role == "shop"]
    inventories = [program for program in programs if program.role == "inventory"]
    proxies: tuple[Proxy, ...] = (
        *(Proxy(node.name, at(50 + node.number), node.port, ("redis", node.name)) for node in redis),
        *(_way(shop, "postgres", at(_of_shop(shop.number, 57, 280)), at(20)) for shop in shops),
        *(_way(inventory, "postgres", at(59 + inventory.number), at(20)) for inventory in inventories),
        *(_way(shop, "inventory", at(_of_shop(shop.number, 62, 290)), at(1)) for shop in shops),
        Proxy("pager", at(65), at(12), ("pager",)),
        # The services' way to the trace store.
        Proxy("traces", at(67), at(14), ("traces",)),
        # Prometheus's way to an exporter's metrics, on which it can be slow, or hang.
        Proxy("metrics-postgres", at(66), at(21), ("metrics/postgres",)),
    )
    if apart:
        # A node announces one address, Toxiproxy's, for its clients and for the other nodes alike. No link, no faults.
        proxies += tuple(Proxy(_bus(node), at(180 + node.number), node.ports[1], ()) for node in redis)
    return proxies


def _of_shop(number: int, first: int, first_of_others: int, each: int = 1) -> int:
    """Offset of a shop's port: those of the first SHOPS lie together, and those of the others behind everything."""
    before = number - 1
    return first + before * each if before < SHOPS else first_of_others + (before - SHOPS) * each


def _bus(node: Program) -> str:
    return f"bus-{node.name}"


def _way(program: Program, dependency: str, listen: int, upstream: int) -> Proxy:
    """One program's own way to what it depends on; part of its role's ways, and of everybody's."""
    links = (dependency, f"{dependency}/{program.role}", f"{dependency}/{program.name}")
    return Proxy(f"{dependency}-{program.name}", listen, upstream, tuple(dict.fromkeys(links)))


def _service(
    role: str, instances: int, settings: StackSettings, offsets: tuple[int, int], replicated: bool
) -> tuple[Program, ...]:
    """The programs of one role; `offsets` of the first one's port and of its first metrics port."""

    def program(name: str, number: int, replicas: int = 0) -> Program:
        port, metrics = offsets
        metrics = settings.port_base + _of_shop(number, metrics, 200, METRICS_PORTS_PER_WORKER * MOST_WORKERS)
        port += settings.port_base
        metrics_ports = range(metrics, metrics + METRICS_PORTS_PER_WORKER * settings.workers)
        return Program(name, role, (port + number - 1,), Wave.SERVICES, tuple(metrics_ports), replicas)

    if replicated:
        return (program(role, 1, instances),)
    return tuple(program(f"{role}-{number}", number) for number in range(1, instances + 1))
