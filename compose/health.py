"""Proofs that each part of the stack does its work, not only that its process runs.

A probe returns nothing when the part is proven well and raises NotReady saying what is amiss.
"""

import concurrent.futures
import functools
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import httpx
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from compose.config import credentials
from compose.config.haproxy import PANIC
from compose.config.programs import postgres_dsn
from compose.topology import LOOPBACK, REDIS_NODES, Program, Topology

PROBE_TIMEOUT_SECONDS = 2.0
_REDIS_SLOTS = 16384


class NotReady(Exception):
    """A part does not do its work yet; the message says what is missing."""


class NeverReady(Exception):
    """Parts that were not proven healthy before the deadline; the message names each with its reason."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One part's proof."""

    name: str
    prove: Callable[[], None]

    def failure(self) -> str | None:
        """What is amiss, or None when the part is proven well."""
        try:
            self.prove()
        except NotReady as error:
            return str(error)
        except (httpx.HTTPError, psycopg.Error, redis.RedisError, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}".splitlines()[0]
        return None


def wait_for(probes: Iterable[Probe], deadline: float, waiting: Callable[[Mapping[str, str]], None]) -> None:
    """Wait until every probe has passed once.

    `waiting` is told after each round which parts are missing and why. Raises NeverReady when the
    monotonic `deadline` passes first.
    """
    missing = {probe.name: "not probed yet" for probe in probes}
    by_name = {probe.name: probe for probe in probes}
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        while True:
            names = list(missing)
            failures = zip(names, pool.map(lambda name: by_name[name].failure(), names), strict=True)
            missing = {name: failure for name, failure in failures if failure is not None}
            if not missing:
                return
            waiting(missing)
            if time.monotonic() > deadline:
                raise NeverReady("; ".join(f"{name}: {why}" for name, why in missing.items()))
            time.sleep(0.1)


def failures(probes: Iterable[Probe]) -> dict[str, str]:
    """Run every probe once; what failed, with the reason."""
    probes = list(probes)
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        results = zip(probes, pool.map(Probe.failure, probes), strict=True)
        return {probe.name: failure for probe, failure in results if failure is not None}


def backing(topology: Topology) -> list[Probe]:
    """Proofs of the servers below the services, before a Redis Cluster is formed of its nodes."""
    probes = [
        Probe("postgres", partial(_postgres, topology, topology.one("postgres").port)),
        *(
            Probe(proxy.name, partial(_postgres, topology, proxy.listen))
            for proxy in topology.proxies
            if "postgres" in proxy.links
        ),
        *(Probe(node.name, partial(_redis_node, topology, node)) for node in topology.of_role("redis")),
        Probe("toxiproxy", partial(_toxiproxy, topology)),
        Probe("pager", partial(_ready, topology.one("pager"))),
    ]
    for node in topology.of_role("jaeger"):
        probes.append(Probe("jaeger", partial(_http_ok, node.port, "/api/services")))
        probes.append(Probe("jaeger for another with pages", partial(_listens, node.ports[4])))
    return probes


def redis_cluster(topology: Topology) -> list[Probe]:
    """Proofs that the nodes agree on one whole cluster with its replicas in sync."""
    return [
        Probe(f"cluster as {node.name} sees it", partial(_cluster, topology, node))
        for node in topology.of_role("redis")
    ]


def services(topology: Topology) -> list[Probe]:
    """Proofs of the service instances, each asked directly."""
    roles = ("shop", "inventory")
    # A Swarm's replicas have no port of this machine; HAProxy has asked each of them.
    return [ready(program) for role in roles for program in topology.of_role(role) if not program.replicas]


def ready(instance: Program) -> Probe:
    """Proof that an instance, asked directly, wants requests."""
    return Probe(instance.name, partial(_ready, instance))


def balanced(instance: Program, topology: Topology) -> Probe:
    """Proof that HAProxy sends an instance requests."""
    return Probe(f"{instance.name} in haproxy", partial(_balanced, instance, topology))


def haproxy(topology: Topology) -> Probe:
    """Proof that HAProxy sends all instances requests."""
    return Probe("haproxy", partial(_haproxy, topology))


def front(topology: Topology) -> list[Probe]:
    """Proofs of the chain as a whole: users are served, every target is scraped, a page arrives."""
    probes = [
        haproxy(topology),
        Probe("a user's read", partial(_user_reads, topology)),
        # The kernel chooses which edge takes a user's connection; here each is asked by name, through to an instance.
        *(Probe(edge.name, partial(_http_ok, edge.port, "/products/sku-0001")) for edge in topology.of_role("edge")),
        Probe("prometheus", partial(_prometheus, topology)),
        Probe("alertmanager", partial(_http_ok, topology.one("alertmanager").port, "/-/ready")),
        Probe("Watchdog at the pager", partial(_deadman, topology)),
        Probe("watchdog", partial(_http_ok, topology.one("watchdog").port, "/healthz")),
        Probe("postgres-exporter", partial(_exports, topology.one("postgres-exporter"), "/metrics", "pg_up 1")),
        *(
            Probe(
                f"redis-exporter of {node.name}",
                partial(
                    _exports, topology.one("redis-exporter"), f"/scrape?target={topology.at(node.port)}", "redis_up 1"
                ),
            )
            for node in topology.of_role("redis")
        ),
    ]
    probes += [Probe("traces in jaeger", partial(_traces, node)) for node in topology.of_role("jaeger")]
    return probes + [Probe("dashboards in grafana", partial(_dashboards, node)) for node in topology.of_role("grafana")]


def everything(topology: Topology) -> list[Probe]:
    """All proofs of a complete stack."""
    return backing(topology) + redis_cluster(topology) + services(topology) + front(topology)


def _get(port: int, path: str) -> httpx.Response:
    return _client().get(f"http://127.0.0.1:{port}{path}")


@functools.cache
def _client() -> httpx.Client:
    # Making a client takes 60 ms, as it reads the system's certificates, and there are thirty probes. No connection is
    # kept: the server may be another one by the next question.
    return httpx.Client(
        timeout=PROBE_TIMEOUT_SECONDS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
    )


def _listens(port: int) -> None:
    with socket.create_connection((LOOPBACK, port), PROBE_TIMEOUT_SECONDS):
        pass


def _http_ok(port: int, path: str) -> None:
    response = _get(port, path)
    if response.status_code != 200:
        raise NotReady(f"{path} answers {response.status_code}")


def _exports(exporter: Program, path: str, line: str) -> None:
    # An exporter answers also when what it asks does not.
    if line not in _get(exporter.port, path).text.splitlines():
        raise NotReady(f"does not say `{line}`")


def _ready(program: Program) -> None:
    _http_ok(program.port, "/readyz")


def _postgres(topology: Topology, port: int) -> None:
    with psycopg.connect(postgres_dsn(topology, port), connect_timeout=2) as connection:
        connection.execute("SELECT 1")


def _redis_client(topology: Topology, node: Program) -> redis.Redis:
    # Who asks, asks again; the client's own three tries would make it 4 s until a refused connection is told.
    once = Retry(NoBackoff(), 0)
    return redis.Redis(
        port=topology.proxy(node.name).listen,
        username=credentials.OWNER,
        password=credentials.redis_password(topology.secrets),
        socket_timeout=PROBE_TIMEOUT_SECONDS,
        socket_connect_timeout=PROBE_TIMEOUT_SECONDS,
        decode_responses=True,
        retry=once,
    )


def _redis_node(topology: Topology, node: Program) -> None:
    with _redis_client(topology, node) as client:
        client.ping()


def _cluster(topology: Topology, node: Program) -> None:
    with _redis_client(topology, node) as client:
        info = client.execute_command("CLUSTER INFO")
        replication = client.info("replication")
    expected = {"cluster_state": "ok", "cluster_slots_ok": str(_REDIS_SLOTS), "cluster_known_nodes": str(REDIS_NODES)}
    for name, value in expected.items():
        if info.get(name) != value:
            raise NotReady(f"{name} is {info.get(name)}, not {value}")
    if replication["role"] == "slave" and replication["master_link_status"] != "up":
        raise NotReady("replica not in sync with its master")
    if replication["role"] == "master" and not replication["connected_slaves"]:
        raise NotReady("master without a replica")


def _toxiproxy(topology: Topology) -> None:
    listed = _get(topology.one("toxiproxy").port, "/proxies").json()
    for proxy in topology.proxies:
        row = listed.get(proxy.name)
        if row is None or not row["enabled"]:
            raise NotReady(f"proxy {proxy.name} is missing or disabled")
        if row["toxics"]:
            raise NotReady(f"proxy {proxy.name} has a toxic")


def _haproxy(topology: Topology) -> None:
    balanced = [*topology.of_role("shop"), *topology.of_role("inventory")]
    up, wanted = len(_servers_up(topology)), sum(len(program.instances) for program in balanced)
    if up < wanted:
        raise NotReady(f"{up} of {wanted} servers are up")


def _balanced(instance: Program, topology: Topology) -> None:
    if f'server="{instance.name}"' not in "".join(_servers_up(topology)):
        raise NotReady("not up")


def _servers_up(topology: Topology) -> list[str]:
    lines = _get(topology.haproxy_metrics, "/metrics").text.splitlines()
    return [
        line
        for line in lines
        if line.startswith("haproxy_server_status{")
        and f'server="{PANIC}' not in line
        and 'state="UP"' in line
        and line.endswith(" 1")
    ]


def _user_reads(topology: Topology) -> None:
    _http_ok(topology.users, "/products/sku-0001")


def _prometheus(topology: Topology) -> None:
    port = topology.one("prometheus").port
    _http_ok(port, "/-/ready")
    targets = _get(port, "/api/v1/targets?state=active").json()["data"]["activeTargets"]
    expected = {(target["labels"]["job"], target["labels"]["instance"]) for target in targets}
    up = {(target["labels"]["job"], target["labels"]["instance"]) for target in targets if target["health"] == "up"}
    if not expected or expected - up:
        raise NotReady(f"not scraped yet: {', '.join(sorted(instance for _, instance in expected - up)) or 'anything'}")
    groups = _get(port, "/api/v1/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    unwell = [rule["name"] for rule in rules if rule["health"] != "ok"]
    if not rules or unwell:
        raise NotReady(f"rules not evaluated yet: {', '.join(unwell) or 'none loaded'}")


def _deadman(topology: Topology) -> None:
    if not _get(topology.one("pager").port, "/deadman").json()["alive"]:
        raise NotReady("no Watchdog delivery yet")


def _traces(jaeger: Program) -> None:
    if "shop" not in (_get(jaeger.port, "/api/services").json()["data"] or []):
        raise NotReady("no trace of the shop yet")


def _dashboards(grafana: Program) -> None:
    _http_ok(grafana.port, "/api/dashboards/uid/overview")
