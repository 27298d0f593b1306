"""How much that which a fault is about to hit is used: one way to count for each measure that is taken before it."""

import contextlib
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import psycopg
import redis

from chaos.control.port import family, state_of
from chaos.errors import ChaosError, FaultFailed, SignalUnavailable, Unmeasurable
from chaos.faults.hands import OURS, System
from chaos.machine import sockets
from chaos.reach import redis_cluster
from chaos.reach.haproxy import HAProxy
from chaos.reach.postgres import connect
from chaos.reach.toxiproxy import Toxiproxy
from chaos.spec.control import Docker
from chaos.spec.faults.balancer import HAProxyDrain, HAProxyFoolChecks
from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure

Uses = dict[str, dict[str, float]]
"""Counters that only grow, by their names, of each part; one that is new began at nothing."""
_TOXIPROXY = "toxiproxy"
_REQUEST_BYTES = 100.0
"""What a request is counted as where others are counted in bytes."""
_USED = (
    "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del), 0)"
    " FROM pg_stat_user_tables"
)
# What Redis is asked by itself, by monitoring and by a client that keeps its connection; each counts as its command.
_NO_CLIENTS_WISH = frozenset(
    {
        "acl",
        "asking",
        "auth",
        "client",
        "cluster",
        "command",
        "config",
        "dbsize",
        "failover",
        "hello",
        "info",
        "lastsave",
        "latency",
        "memory",
        "monitor",
        "ping",
        "psync",
        "readonly",
        "readwrite",
        "replconf",
        "replicaof",
        "role",
        "select",
        "slowlog",
        "time",
    }
)


def so_far(fault: FaultFields, system: System) -> Uses:
    """How much each part that it names was used so far; nothing where that is measured while the fault lasts.

    Raises Unmeasurable when it cannot be looked at from here, SignalUnavailable when it is not told just now.
    """
    measure = fault.measure()
    count = _COUNTED.get(measure) if measure else None
    return count(fault, system) if count else {}


def ask_the_rest(system: System, asked: Collection[Measure | None]) -> None:
    """Ask what other faults are measured by, but for what is asked anyway; never raises.

    Before a sealed run's fault nobody learns from who asks Postgres and who asks Redis what is about to be broken.
    """
    target = system.target
    there: dict[Measure, object] = {
        Measure.LINKS: target.urls.toxiproxy,
        Measure.SERVERS: target.haproxy,
        Measure.COMMANDS: target.redis_nodes,
        Measure.STATEMENTS: target.postgres,
    }
    for measure in [one for one, named in there.items() if named and one not in asked]:
        with contextlib.suppress(ChaosError):  # it is not needed
            _ASKED[measure](system)


def _instances(fault: FaultFields, system: System) -> Uses:
    """Of servers of HAProxy what it gave them, health checks left out; of others what came in at their ports.

    Users' requests to those that answer users are counted by the load itself.
    """
    silent = [one for one in fault.instances() if not system.target.instances[one].serves_users]
    given = _given(system) if silent else {}
    found: Uses = {}
    for one in silent:
        if served := {name: number for name, number in given.items() if name.partition("/")[2] == one}:
            found[one] = {name: number * _REQUEST_BYTES for name, number in served.items()}
            continue
        try:
            processes = family(state_of(system.control, one).pid)
        except FaultFailed as error:
            raise Unmeasurable(str(error)) from error
        if not processes:
            raise Unmeasurable(f"no process of {one} is on this machine")
        found[one] = sockets.received_by([process.pid for process in processes])
    return found


def _given(system: System) -> dict[str, float]:
    """How many requests HAProxy gave each of its servers; none where there is no HAProxy."""
    if not system.target.haproxy:
        return {}
    rows = HAProxy(Path(system.target.haproxy)).statistics()
    return {f"{row['pxname']}/{row['svname']}": float(row["stot"] or 0) for row in rows}


def _links(fault: FaultFields, system: System) -> Uses:
    """What callers sent: what the proxies' own ends of the connections received, those that have ended too."""
    there = Toxiproxy(system.target.urls.toxiproxy).proxies()
    seen = sockets.of_network(_toxiproxy_pid(system))
    found: Uses = {}
    for link in fault.links():
        proxies = [there[name] for name in system.target.links.get(link, ()) if name in there]
        ports = {int(proxy.listen.rpartition(":")[2]) for proxy in proxies}
        if not sockets.listens(seen, ports):
            raise Unmeasurable(f"nobody listens at the proxies of link {link} where we can look")
        found[link] = sockets.came_in(seen, ports)
    return found


def _toxiproxy_pid(system: System) -> int:
    named = next((name for name, one in system.target.instances.items() if one.role == _TOXIPROXY), None)
    if named is None:
        if isinstance(system.target.control, Docker):
            raise Unmeasurable(f"the target names no instance of role {_TOXIPROXY}")
        return os.getpid()
    pid = state_of(system.control, named).pid
    if not Path(f"/proc/{pid}").exists():
        raise Unmeasurable(f"{named} does not run on this machine")
    return pid


def _servers(fault: FaultFields, system: System) -> Uses:
    assert isinstance(fault, HAProxyDrain | HAProxyFoolChecks)
    servers = (fault.server,) if isinstance(fault, HAProxyDrain) else fault.servers
    haproxy, given = HAProxy(Path(system.target.haproxy)), _given(system)
    return {server: {each: given.get(each, 0.0) for each in haproxy.servers_of(server)} for server in servers}


def _commands(_: object, system: System) -> Uses:
    told: dict[str, float] = {}
    for name, address in system.target.redis_nodes.items():
        try:
            with redis_cluster.connect(address) as client:
                told[name] = _wished(client.info("commandstats"))
        except redis.RedisError:
            continue
    if not told:
        raise SignalUnavailable("no Redis node tells which commands it was given")
    return {"the Redis Cluster": told}


def _wished(statistics: Mapping[str, Mapping[str, float]]) -> float:
    calls = {name.removeprefix("cmdstat_").partition("|")[0]: one["calls"] for name, one in statistics.items()}
    return float(sum(number for name, number in calls.items() if name not in _NO_CLIENTS_WISH))


def _statements(_: object, system: System) -> Uses:
    try:
        with connect(system.target.postgres, system.covered(OURS)) as connection:
            row = connection.execute(_USED.encode()).fetchone()
    except psycopg.Error as error:
        raise SignalUnavailable(f"Postgres does not tell how its tables are used: {error}") from error
    return {"Postgres": {"tables": float(row[0]) if row else 0.0}}


_COUNTED: dict[Measure, Callable[[Any, System], Uses]] = {
    Measure.INSTANCES: _instances,
    Measure.LINKS: _links,
    Measure.SERVERS: _servers,
    Measure.COMMANDS: _commands,
    Measure.STATEMENTS: _statements,
}
_ASKED: dict[Measure, Callable[[System], object]] = {
    Measure.LINKS: lambda system: Toxiproxy(system.target.urls.toxiproxy).proxies(),
    Measure.SERVERS: _given,
    Measure.COMMANDS: lambda system: _commands(None, system),
    Measure.STATEMENTS: lambda system: _statements(None, system),
}
"""Who is asked for a measure, without a fault; for INSTANCES, and while a fault lasts, it is none besides these."""
