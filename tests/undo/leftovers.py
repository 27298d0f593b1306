"""What is left of any fault, looked for without asking a fault: processes, proxies, servers, connections, limits."""

import resource
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg

from chaos.control.port import family
from chaos.reach.haproxy import PANIC, HAProxy
from chaos.spec.faults.table import FAULTS
from compose import health
from compose.config import programs
from compose.native import processes
from compose.native.supervisor import Supervisor


def leftovers(stack, state: Path | None = None) -> list[str]:
    """In words, what is not as on a stack that was left alone; empty when nothing is.

    `state`: the state folder of those who broke it, where that is not the stack's own.
    """
    agents = _agents(state or stack.settings.state)
    return [*_processes(stack), *agents, *_proxies(stack), *_servers(stack), *_connections(stack)]


def unwell(stack) -> dict[str, str]:
    """What does not do its work, with the reason."""
    return health.failures(health.everything(stack.topology))


def _processes(stack) -> Iterator[str]:
    for row in Supervisor(stack.settings.state / "supervisor.sock").processes():
        # supervisord calls a process STARTING for its first second, also when it serves already.
        if row.state not in ("RUNNING", "STARTING"):
            yield f"{row.name} is {row.state}"
        if row.name == "pager":
            limits = [resource.prlimit(one.pid, resource.RLIMIT_FSIZE)[0] for one in family(row.pid)]
            yield from (f"a process of the pager may write {limit} bytes" for limit in limits if limit == 0)
    for process in processes.ours(stack.settings.state):
        try:
            if process.status() == psutil.STATUS_STOPPED:
                yield f"process {process.pid} ({process.name()}) is frozen"
        except psutil.NoSuchProcess:
            continue


def _agents(state: Path) -> Iterator[str]:
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        ours = any(str(state) in argument for argument in command)
        if "chaos.agents" in command and ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            yield f"agent {process.pid} runs: {' '.join(command[4:])}"


def _proxies(stack) -> Iterator[str]:
    there = httpx.get(f"{stack.url('toxiproxy')}/proxies", timeout=3).json()
    for proxy in stack.topology.proxies:
        if not there[proxy.name]["enabled"]:
            yield f"proxy {proxy.name} is disabled"
        yield from (f"proxy {proxy.name} has {toxic['name']}" for toxic in there[proxy.name]["toxics"])


def _servers(stack) -> Iterator[str]:
    haproxy = HAProxy(stack.settings.state / "run" / "haproxy.sock")
    for role in ("shop", "inventory"):
        for program in stack.topology.of_role(role):
            # One that was down is `DOWN 1/3` until it has passed its checks: `unwell` waits for that.
            for server in (f"{role}/{program.name}", f"{role}/{PANIC}{program.name}"):
                if (status := haproxy.status(server)) in ("DRAIN", "MAINT", "no check"):
                    yield f"HAProxy says {status} of {server}"
                own, checked = haproxy.ports(server)
                if checked != own:
                    yield f"HAProxy checks {server} at port {checked}"


def _connections(stack) -> Iterator[str]:
    dsn = programs.postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    with psycopg.connect(dsn, connect_timeout=3) as connection:
        query = "SELECT application_name, count(*) FROM pg_stat_activity WHERE application_name = ANY(%s) GROUP BY 1"
        for name, count in connection.execute(query, ([f"stormdrill-{kind}" for kind in FAULTS],)):
            yield f"{count} connections to Postgres are of {name}"
