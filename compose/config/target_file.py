"""Writes the target file: all that the attacker knows of this stack."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import yaml

from compose.config import credentials, haproxy
from compose.config.grafana import DASHBOARDS
from compose.config.programs import postgres_dsn
from compose.pace import timing
from compose.settings import ROOT, StackSettings
from compose.topology import Program, Topology

TEMPLATE_VERSION = 1
_PLAIN = re.compile(r"[\w.-]{1,40}")


def write(
    settings: StackSettings,
    topology: Topology,
    runtime: str,
    control: Mapping[str, object],
    beside: Mapping[str, str] | None = None,
) -> Path:
    """Write `state/target.yaml` and return its path; `beside`: what may be built while the stack is up."""
    path = settings.state / "target.yaml"
    described = describe(settings, topology, runtime, control, beside)
    path.write_text(yaml.safe_dump(described, sort_keys=False, width=120))
    return path


def describe(
    settings: StackSettings,
    topology: Topology,
    runtime: str,
    control: Mapping[str, object],
    beside: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """The target file's content, with how `runtime` controls processes; chaos/spec/target.py documents each key."""
    return {
        "version": TEMPLATE_VERSION,
        "name": f"stormdrill, {runtime} runtime",
        "state": str(settings.state),
        "runs": str(settings.runs),
        "pace": settings.pace,
        "settings": told(settings),
        "urls": urls(topology),
        # Its customers order and log in: nobody else's system is ever asked that unless its file says so.
        "load": {"type": "shop"},
        "control": dict(control),
        "instances": {
            name: _instance(program, topology)
            for program in topology.programs
            if program.role != "watchdog"
            for name in program.instances
        },
        "haproxy": str(haproxy.admin_socket(settings)),
        "connections": haproxy.size(settings, topology).for_users,
        "links": topology.links(),
        "postgres": postgres_dsn(topology, topology.one("postgres").port),
        "alerting": {"receiver": "pager", "heartbeat_receiver": "deadman", "receivers": ["fallback"]},
        "timing": str(settings.state / "config" / "drill" / "manifest.json"),
        "clean_history": _clean_history(settings, topology),
        "working_directory": str(ROOT),
        "redis": {
            # Straight to the nodes: a fault on the services' way to them must not keep another from being undone.
            "nodes": {node.name: _redis(node, topology) for node in topology.of_role("redis")},
            "cache_prefix": "cache:",
        },
        "dashboards": {"folder": str(DASHBOARDS), "scrape_interval": timing.at(settings.pace).scrape_interval_text},
    } | ({"built_beside": dict(beside)} if beside else {})


def _redis(node: Program, topology: Topology) -> str:
    file = credentials.redis_password_file(topology.secrets, credentials.OWNER)
    return f"redis://{credentials.OWNER}@127.0.0.1:{node.port}?{urlencode({'password_file': file}, safe='/')}"


def _clean_history(settings: StackSettings, topology: Topology) -> list[str]:
    # A healthy past is made of what each shop counts, and a Swarm's replicas cannot be asked from here.
    return [] if topology.replicated else [sys.executable, "-m", "compose.history", "--state", str(settings.state)]


def told(settings: StackSettings) -> dict[str, str]:
    """What the services were told by the environment, for recordings: words, numbers and durations as they are.

    Of anything else, such as a connection string with a password, only that it was set.
    """
    given = settings.service_settings.items()
    return {name: value if _PLAIN.fullmatch(value) else "(set)" for name, value in sorted(given)}


def urls(topology: Topology) -> dict[str, str]:
    """Where people and the attacker reach each part."""
    shown = {
        "users": topology.users,
        "prometheus": topology.one("prometheus").port,
        "alertmanager": topology.one("alertmanager").port,
        "pager": topology.one("pager").port,
        "toxiproxy": topology.one("toxiproxy").port,
        "watchdog": topology.one("watchdog").port,
    } | {program.name: program.port for program in (*topology.of_role("jaeger"), *topology.of_role("grafana"))}
    if topology.of_role("jaeger"):
        shown["jaeger_ui"] = topology.jaeger_ui
    return {name: f"http://127.0.0.1:{port}" for name, port in shown.items()}


def _instance(program: Program, topology: Topology) -> dict[str, object]:
    described: dict[str, object] = {"role": program.role}
    if program.role in ("shop", "inventory", "pager") and not program.replicas:
        described["ready"] = f"http://127.0.0.1:{program.port}/readyz"
    if program.role == "haproxy":
        # It answers this one itself, also when no server is left.
        described["ready"] = f"http://127.0.0.1:{topology.haproxy_metrics}/metrics"
    if program.role == "shop":
        described["serves_users"] = True
    if program.role == "postgres-exporter":
        described["gives"] = ["postgres"]
    if program.role == "redis-exporter":
        described["gives"] = [node.name for node in topology.of_role("redis")]
    return described
