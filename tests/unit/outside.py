"""What others can see of a fault: Toxiproxy, Redis and Postgres in memory, commands noted down, the state folder."""

import json
import re
from contextlib import suppress
from pathlib import Path

import msgspec
import psycopg
import redis
import requests

from chaos.agents.job import Task
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.machine import process_identity
from chaos.spec.target import Redis
from tests.fakes import FakeControl, FakeSwarm
from tests.fakes import system as fake_system

LINKS = ("postgres/shop-1", "postgres/shop-2", "postgres/shop-3", "inventory/shop-1", "inventory/shop-2", "pager")
NODES = {"redis-1": "127.0.0.1:1", "redis-2": "127.0.0.1:2"}
INSTANCES = ("shop-1", "shop-2", "shop-3", "inventory-1", "redis-exporter", "pager", *NODES)
_KEY_BYTES = 65_536
_LIMIT_BYTES = 16 * _KEY_BYTES


class NotStarted(Exception):
    """Agents are not started here: what they would be started with is all that is asked."""


class Outside:
    """All of it; `system` is what faults act on."""

    def __init__(self, folder: Path, pid: int):
        self.folder = folder
        self.proxies = {f"way-{number}": {} for number in range(len(LINKS) + len(NODES))}
        self.set_again: list[str] = []
        self.connections: list[str] = []
        self.asked: list[object] = []
        """What statements were given as their values."""
        self.commands: list[list[str]] = []
        self.keys: set[str] = set()
        made = fake_system(folder)
        links = {link: [way] for link, way in zip((*LINKS, *NODES), self.proxies, strict=True)}
        target = msgspec.structs.replace(
            made.target,
            urls=msgspec.structs.replace(made.target.urls, users="http://127.0.0.1:1", toxiproxy="http://127.0.0.1:1"),
            instances=dict.fromkeys(INSTANCES, made.target.instances["shop-1"]),
            links=links,
            postgres="postgresql://who:password@127.0.0.1/shop",
            redis=Redis(NODES, "cache:"),
        )
        self.control = FakeControl(dict.fromkeys(INSTANCES, True), pids=dict.fromkeys(INSTANCES, pid))
        self.system = System(target, self.control)
        self.swarm = System(target, FakeSwarm())

    def inject(self, fault, cover="", record=1):
        """As a run does, sealed or not."""
        system = self.swarm if fault.__struct_config__.tag in ("node.drain", "service.scale") else self.system
        seen = system.on_behalf_of(record, cover)
        hands_of(fault).check(seen)
        with suppress(NotStarted):
            hands_of(fault).inject(seen)

    def names(self) -> set[str]:
        """Every name that was left; of keys without their numbers, of files without what kind of file it is."""
        tasks = [msgspec.json.decode(file.read_bytes(), type=Task) for file in self.folder.glob("agents/*.job")]
        said = {task.arguments.get("application_name") for task in tasks} - {None}
        files = {file.stem for room in ("agents", "memos") for file in (self.folder / room).rglob("*.*")}
        toxics = {name for toxics in self.proxies.values() for name in toxics}
        started = {command[-1] for command in self.commands}
        return toxics | {*self.connections} | said | {key.rpartition(":")[0] for key in self.keys} | files | started

    def spawn(self, command, log, *_):
        assert log.parent == Path(command[-2])
        self.commands.append(command)
        raise NotStarted

    def connect(self, _, application_name, **__):
        self.connections.append(application_name)
        return _Postgres(self.asked)

    def send(self, request, **_):
        """To Toxiproxy."""
        match [request.method, *request.path_url.split("/")[2:]]:
            case ["POST", proxy, "toxics"]:
                added = json.loads(request.body)
                self.proxies[proxy][added["name"]] = added
            case ["POST", proxy, "toxics", toxic]:
                assert toxic in self.proxies[proxy]
                self.set_again.append(toxic)
            case ["DELETE", proxy, "toxics", toxic]:
                del self.proxies[proxy][toxic]
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 200, request, request.url
        listed = {
            name: {"name": name, "listen": "127.0.0.1:1", "enabled": True, "toxics": [*toxics.values()]}
            for name, toxics in self.proxies.items()
        }
        answer._content = json.dumps(listed if request.path_url == "/proxies" else {}).encode()
        return answer


class _Rows(list):
    def fetchone(self):
        return self


class _Postgres:
    """Has every table, a hundred slots and no connections."""

    def __init__(self, asked):
        self._asked = asked

    def execute(self, query, values=()):
        self._asked += values
        return _Rows([100 if b"current_setting" in query else False])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class _Node:
    """One of two nodes of a Redis Cluster, the first being the master; a pipeline too, which acts at once."""

    def __init__(self, keys, port):
        self._keys, self._master = keys, port == 1

    def execute_command(self, *_):
        said = ("myself,master - 0 0 1 connected 0-16383", "myself,slave id-1 0 0 1 connected")
        return f"id-{1 if self._master else 2} 127.0.0.1:1 {said[not self._master]}"

    def info(self, section):
        if section == "memory":
            used = len(self._keys) * _KEY_BYTES
            return {"used_memory": used, "mem_not_counted_for_evict": 0, "maxmemory": _LIMIT_BYTES}
        if self._master:
            return {"slave0": {"state": "online"}, "master_repl_offset": 1}
        return {"master_link_status": "up", "slave_repl_offset": 1}

    def incrby(self, key, number):
        self._keys.add(key)
        return number

    def set(self, key, *_, **__):
        self._keys.add(key)

    def unlink(self, key):
        self._keys.discard(key)

    def scan_iter(self, pattern, **_):
        return [key for key in self._keys if re.match(re.escape(pattern.removesuffix("*")), key)]

    def pipeline(self, **_):
        return self

    def pexpire(self, *_):
        pass

    def execute(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def outside(monkeypatch, folder: Path, pid: int) -> Outside:
    """Have faults reach this and nothing else; `pid` is every instance's process."""
    made = Outside(folder, pid)
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", made.send)
    monkeypatch.setattr(psycopg, "connect", made.connect)
    monkeypatch.setattr(redis, "Redis", lambda _, port, **__: _Node(made.keys, port))
    monkeypatch.setattr(process_identity, "spawn_command", made.spawn)
    return made
