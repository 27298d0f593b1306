"""A Redis Cluster of a test's own: the project's configuration without proxies, and processes that obey."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import redis

from chaos.control.port import ProcessState
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.reach import redis_cluster
from chaos.reach.redis_cluster import SLOTS
from chaos.spec.target import Redis
from compose.config import render
from compose.tools import find
from compose.topology import LOOPBACK
from tests import fakes
from tests.ports import free_port
from tests.waiting import until

NODES = 6
SOCKET_SECONDS = 10
"""A node that hangs is a failure; one that a busy machine keeps from its turn is not."""


@dataclass
class Nodes:
    """The six nodes, and the port of a process manager for them."""

    folder: object
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    before_kill: object = None
    """Called with the name of a node before it is killed."""

    @property
    def addresses(self):
        return {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}

    def client(self, name):
        return redis.Redis(port=self.ports[name], socket_timeout=SOCKET_SECONDS, protocol=2)

    def states(self):
        return {
            name: ProcessState("RUNNING", process.pid) if process.poll() is None else ProcessState("STOPPED", 0)
            for name, process in self.processes.items()
        }

    def kill(self, instance):
        if self.before_kill:
            self.before_kill(instance)
        process = self.processes[instance]
        process.kill()
        process.wait()
        return process.pid

    def start(self, instance):
        process = self.processes.get(instance)
        if process is None or process.poll() is not None:
            config = self.folder / f"{instance}.conf"
            self.processes[instance] = subprocess.Popen(
                (find().path("redis-server"), config), stdout=subprocess.DEVNULL, cwd=self.folder
            )

    def cluster(self):
        """A client that finds each key's master, as the services do."""
        there = [redis.cluster.ClusterNode("127.0.0.1", port) for port in self.ports.values()]
        return redis.RedisCluster(startup_nodes=there, socket_timeout=SOCKET_SECONDS, protocol=2)

    def write(self, keys, value, **options):
        """Write the same for each."""
        with self.cluster() as cluster:
            for key in keys:
                cluster.set(key, value, **options)

    def kept(self, keys):
        """How many of them are there."""
        with self.cluster() as cluster:
            return sum(cluster.get(key) is not None for key in keys)

    def replicated(self):
        """Until what was written is at the replicas as well."""
        until(lambda: all(node.in_sync for node in redis_cluster.look(self.addresses)))

    def well(self):
        """Whether all six are there, in sync, and see all slots served."""
        seen = redis_cluster.look(self.addresses)
        return (
            len(seen) == NODES
            and all(node.in_sync for node in seen)
            and all(redis_cluster.health(address) == ("ok", SLOTS) for address in self.addresses.values())
        )

    def system(self, folder):
        """As the attacker sees it."""
        made = fakes.system(folder)
        target = msgspec.structs.replace(made.target, redis=Redis(self.addresses, "cache:"))
        return System(target, self)


@contextmanager
def redis_nodes(folder):
    """Run them, joined to a cluster of three masters with a replica each."""
    nodes = Nodes(folder, {f"redis-{number}": free_port() for number in range(1, NODES + 1)})
    try:
        for name, port in nodes.ports.items():
            data = folder / name
            data.mkdir()
            (folder / f"{name}.conf").write_text(render.text("redis.conf", _values(port, data)))
            nodes.start(name)
        for name in nodes.ports:
            until(lambda name=name: answers(nodes, name))
        create = (find().path("redis-cli"), "--cluster", "create", *nodes.addresses.values())
        subprocess.run(
            (*create, "--cluster-replicas", "1", "--cluster-yes"), check=True, capture_output=True, timeout=60
        )
        until(nodes.well, 30)
        yield nodes
    finally:
        for process in nodes.processes.values():
            os.kill(process.pid, signal.SIGCONT)
            process.kill()
            process.wait()


def _values(port, data):
    """What the stack's own configuration of a node is filled with, here with no proxy before it."""
    ports = {"port": port, "announced_port": port}
    bus = dict.fromkeys(("bus_port", "announced_bus_port"), free_port())
    return {**ports, **bus, "listen": LOOPBACK, "apart": False, "data": data, "users": ""}


def answers(nodes, name):
    try:
        return nodes.client(name).ping()
    except redis.RedisError:
        return False


def undo(fault, system, seconds=25.0):
    """As the engine does it: again and again until it is proven. Returns how long that took."""
    began = time.monotonic()

    def done():
        hands_of(fault).undo(system)
        return hands_of(fault).undone(system).holds

    until(done, seconds)
    return time.monotonic() - began
