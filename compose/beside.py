"""What somebody who wants to look may run beside a stack, and the one docker command for each.

A container in this machine's network: it listens on loopback, can write nothing of this machine's and ends with Ctrl-C.
"""

import shlex
from pathlib import Path

import yaml

from compose.config import grafana
from compose.containers.container_spec import COMPOSE_FILE
from compose.settings import StackSettings
from compose.topology import Topology


def grafana_command(settings: StackSettings, topology: Topology) -> str:
    """Grafana with this stack's dashboards and data sources; in containers it can be a part of the stack."""
    if topology.apart:
        return "COMPOSE_PROFILES=grafana make up"
    folder = grafana.folder(settings)
    return _docker("grafana", folder, "--env-file", str(grafana.environment_file(settings)))


def jaeger_command(settings: StackSettings) -> str:
    """A Jaeger that has pages and reads the stack's own."""
    file = settings.state / "config" / "jaeger-ui.yaml"
    # It would trace itself, and try to send that somewhere.
    return f"{_docker('jaeger', file, '-e', 'OTEL_TRACES_SAMPLER=always_off')} {shlex.quote(f'--config=file:{file}')}"


def _docker(service: str, seen: Path, *options: str) -> str:
    image = str(yaml.safe_load(COMPOSE_FILE.read_text())["services"][service]["image"])
    return shlex.join(("docker", "run", "--rm", "--network", "host", *options, "-v", f"{seen}:{seen}:ro", image))
