"""The stack file: how a Swarm runs replicas of the programs that keep no state.

Each may do what compose.yaml lets its first instance do, as far as a Swarm can promise it: it knows no
`no-new-privileges`. Nothing is published.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from compose.config import programs
from compose.containers import container_spec
from compose.containers.container_spec import COMPOSE_FILE, STACK_LABEL, escaped, healthcheck
from compose.containers.images import NAMES, Image
from compose.settings import StackSettings
from compose.topology import Program, Topology

SERVICE_LABEL = "io.stormdrill.service"
"""On each replica: the program that it is one of."""
CROWD_USERS = "20"
"""Of each replica; each user asks once a second."""
_SAME_FOR_SWARM = ("read_only", "cap_drop", "stop_grace_period", "logging", "networks")


def document(
    settings: StackSettings,
    topology: Topology,
    images: Mapping[str, Image],
    user: str,
    networks: Mapping[str, object],
    crowd: str,
) -> dict[str, object]:
    """The stack file; `networks` are there already, and whoever is on them is found by name.

    `crowd` is the reference of the image of Locust's users, none of whom come until their service is scaled.
    """
    launches = {launch.name: launch for launch in programs.launches(settings, topology, NAMES)}
    allowed = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    services = {
        program.name: _service(
            program,
            images[program.role],
            launches[program.name],
            allowed[program.instances[0]] | container_spec.memory(settings),
        )
        | {"user": user, "secrets": _readable_by(user, container_spec.secret(program, topology))}
        for program in topology.replicated
    }
    services["crowd"] = _crowd(crowd, topology, allowed[topology.one("shop").instances[0]]) | {"user": user}
    for name, service in services.items():
        labels = {STACK_LABEL: str(settings.state), SERVICE_LABEL: name}
        service["labels"] = service["deploy"]["labels"] = labels
    secrets = container_spec.secrets(topology, topology.replicated)
    labelled = {name: told | {"labels": {STACK_LABEL: str(settings.state)}} for name, told in secrets.items()}
    return {"version": "3.9", "services": services, "networks": dict(networks), "secrets": labelled}


def left_to_swarm(topology: Topology) -> dict[str, object]:
    """What Compose is told of the instances in compose.yaml that are a Swarm's replicas: to leave them alone."""
    instances = [name for program in topology.replicated for name in program.instances]
    return {name: {"image": "scratch", "profiles": ["left to the Swarm"]} for name in instances}


def _readable_by(user: str, secrets: list[dict[str, object]]) -> list[dict[str, object]]:
    # A Swarm has it read by all in the container unless it is told; libpq refuses such a file.
    uid, _, gid = user.partition(":")
    return [secret | {"uid": uid, "gid": gid, "mode": 0o400} for secret in secrets]


def _service(program: Program, image: Image, launch: programs.Launch, allowed: Mapping[str, Any]) -> dict[str, Any]:
    assert image.entrypoint is not None
    assert image.healthcheck is not None
    return {
        "image": image.reference,
        "entrypoint": list(image.entrypoint),
        "command": [escaped(word) for word in launch.argv[1:]],
        "environment": {name: escaped(value) for name, value in sorted(launch.env.items())},
        "stop_signal": f"SIG{launch.stop_signal}",
        # A replica counts as running, and has a name, only once it is well.
        "healthcheck": healthcheck(image.healthcheck, program)
        | {"interval": "2s", "retries": 3, "start_period": "30s"},
        **_bounds(program.replicas, allowed),
    }


def _crowd(image: str, topology: Topology, allowed: Mapping[str, Any]) -> dict[str, Any]:
    users = ("--headless", "--only-summary", "--users", CROWD_USERS, "--spawn-rate", CROWD_USERS)
    where = (
        "--locustfile",
        "chaos/load/swarm_visitors.py",
        "--host",
        f"http://{topology.at(topology.one('haproxy').port)}",
    )
    return {
        "image": image,
        "entrypoint": ["locust"],
        "command": [*users, *where],
        **_bounds(0, allowed),
        "networks": ["front"],
    }


def _bounds(replicas: int, allowed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "volumes": [{"type": "tmpfs", "target": mount.partition(":")[0]} for mount in allowed["tmpfs"]],
        "deploy": _deploy(replicas, allowed),
        **{name: allowed[name] for name in _SAME_FOR_SWARM},
    }


def _deploy(replicas: int, allowed: Mapping[str, Any]) -> dict[str, Any]:
    one_by_one = {"parallelism": 1, "delay": "2s", "order": "start-first"}
    limits = {
        "cpus": f"{allowed['cpu_quota'] / allowed['cpu_period']:g}",
        "memory": allowed["mem_limit"],
        "pids": allowed["pids_limit"],
    }
    return {
        "mode": "replicated",
        "replicas": replicas,
        # HAProxy and Prometheus ask for every replica's address; a virtual one would need IPVS in the kernel.
        "endpoint_mode": "dnsrr",
        "placement": {"preferences": [{"spread": "node.id"}]},
        "update_config": {**one_by_one, "failure_action": "rollback"},
        "rollback_config": one_by_one,
        "restart_policy": {"condition": "any", "delay": "1s"},
        "resources": {"limits": limits},
    }
