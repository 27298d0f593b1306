"""What Prometheus scrapes: a job a role, a target a metrics port, and the name each target goes by."""

from dataclasses import dataclass

from compose.topology import Program, Topology


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint."""

    port: int
    instance: str
    """The name it has in alerts and dashboards, whatever its address."""
    worker: int | None = None
    """Which of an instance's worker ports it is, from 0; None where there is only one process."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """The endpoints of a Swarm's replicas; each goes by its address, as Docker's DNS knows it."""

    name: str
    """Of the program."""
    ports: tuple[int, ...]
    """One for each worker, from 0."""


@dataclass(frozen=True, slots=True)
class Job:
    """The endpoints of one role."""

    name: str
    targets: tuple[Target, ...]
    through: int | None = None
    """Port of an exporter that is asked for each target in turn; None where targets answer for themselves."""
    replicas: tuple[Replicas, ...] = ()
    scope: tuple[str, ...] = ()
    """The parts of HAProxy's metrics that are asked for; empty: all."""


def jobs(topology: Topology) -> list[Job]:
    """Every job, in the order of the topology's programs."""
    return [
        *(_workers(role, topology) for role in ("shop", "inventory", "pager")),
        Job("postgres", (Target(topology.proxy("metrics-postgres").listen, "postgres"),)),
        # Straight to the nodes, not through Toxiproxy: a fault on the services' way to them must not blind us.
        Job(
            "redis",
            tuple(Target(node.port, node.name) for node in topology.of_role("redis")),
            through=topology.one("redis-exporter").port,
        ),
        Job("haproxy", (Target(topology.haproxy_metrics, "haproxy"),)),
        *_edges(topology),
        *(
            Job(role, (_single(program, role),))
            for role in ("prometheus", "alertmanager", "watchdog")
            for program in topology.of_role(role)
        ),
        *(Job(jaeger.name, (Target(jaeger.ports[2], jaeger.name),)) for jaeger in topology.of_role("jaeger")),
    ]


def _edges(topology: Topology) -> list[Job]:
    # Not HAProxy's job, whose being down means that no user is served: where an edge is, the others take its users.
    targets = tuple(_single(edge, edge.name) for edge in topology.of_role("edge"))
    # There may be a hundred: of each what says how full it is.
    return [Job("edge", targets, scope=("global", "frontend"))] if targets else []


def _workers(role: str, topology: Topology) -> Job:
    targets = (
        Target(port, program.name, index)
        for program in topology.of_role(role)
        if not program.replicas
        for index, port in enumerate(program.metrics_ports)
    )
    replicas = (Replicas(each.name, each.metrics_ports) for each in topology.of_role(role) if each.replicas)
    return Job(role, tuple(targets), replicas=tuple(replicas))


def _single(program: Program, instance: str) -> Target:
    return Target(program.port, instance)
