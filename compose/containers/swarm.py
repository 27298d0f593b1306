"""The Swarm runtime: what keeps no state is replicated by a Swarm, on any of its machines.

The rest are containers of Compose on this machine, on the same networks, which reach over all machines.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from docker.errors import DockerException

from compose.containers import container_spec, engine, image_build, swarm_spec
from compose.containers.containers import Containers, ContainersAndWatchdog
from compose.containers.images import SERVICES, Image
from compose.manager import ProcessState
from compose.stack import READY_WITHIN_SECONDS, Progress, StackError
from compose.tools import MissingTool
from compose.topology import Topology, Wave, build

_GONE_WITHIN_SECONDS = 30.0
_POLL_SECONDS = 0.2


class SwarmManager(ContainersAndWatchdog):
    """Manager of the containers on this machine, and of the Swarm's services as a whole."""

    def processes(self) -> list[ProcessState]:
        """A service is one row, and has no process id."""
        return [*super().processes(), *(_row(service) for service in _services(self.state))]


@dataclass(frozen=True)
class Swarm(Containers):
    """Runtime by a Docker Swarm; see `stack.Runtime`."""

    name = "swarm"

    @staticmethod
    def manager_of(state: Path) -> SwarmManager:
        """The containers and services of the stack in this folder."""
        return SwarmManager(state)

    def topology(self) -> Topology:
        """Grafana as with Compose."""
        return build(self.settings, self._left_out(), apart=True, replicated=True)

    def notices(self) -> list[str]:
        """Raises MissingTool where the engine is no manager of a Swarm."""
        notices = super().notices()
        swarm = engine.connect().info()["Swarm"]
        if not swarm["ControlAvailable"]:
            raise MissingTool(
                "Docker's engine is no manager of a Swarm: `docker swarm init` makes it one, or use RUNTIME=compose"
            )
        return [
            *notices,
            "Swarm: replicas run without no-new-privileges, which it cannot promise",
            *([f"Swarm: each of its {swarm['Nodes']} nodes needs the image {SERVICES}"] if swarm["Nodes"] > 1 else []),
        ]

    def end_all(self, progress: Progress) -> None:
        """Services first, or the Swarm would replace what is removed."""
        client = engine.connect()
        if services := _services(self.settings.state):
            progress("removing the Swarm's services")
            for service in services:
                service.remove()
            replicas = _mine(self.settings.state, swarm_spec.SERVICE_LABEL)
            _wait(lambda: not client.containers.list(filters=replicas), "the Swarm's replicas to end")
        for secret in _secrets(self.settings.state):
            secret.remove()
        super().end_all(progress)

    def start_wave(self, topology: Topology, wave: Wave) -> None:
        super().start_wave(topology, wave)
        if wave is Wave.SERVICES:
            file = self.settings.state / "config" / "stack.yaml"
            deploy = ("stack", "deploy", "--resolve-image", "never", "--compose-file", str(file))
            engine.command(*deploy, self.project.name, interrupts=self.interrupts)
            # Whoever scrapes them before they run pages that HAProxy, or some of them, are down.
            with self.interrupts.at_once():
                _wait(partial(_all_run, self.settings.state), "the Swarm's replicas to run", READY_WITHIN_SECONDS)

    def _write_containers(self, topology: Topology, images: Mapping[str, Image], user: str, progress: Progress) -> None:
        labels = {container_spec.STACK_LABEL: str(self.settings.state)}
        names = {name: f"{self.project.name}_{name}" for name in container_spec.NETWORKS}
        for name in names.values():
            engine.connect().networks.create(name, driver="overlay", attachable=True, labels=labels)
        there: dict[str, object] = {name: {"external": True, "name": whole} for name, whole in names.items()}
        document = container_spec.document(self.settings, topology, images, user, there)
        with self.interrupts.at_once():
            crowd = image_build.crowd(progress)
        services = document["services"]
        assert isinstance(services, dict)
        self._write("compose.yaml", document | {"services": services | swarm_spec.left_to_swarm(topology)})
        self._write("stack.yaml", swarm_spec.document(self.settings, topology, images, user, there, crowd))

    def _control(self) -> dict[str, object]:
        return super()._control() | {"swarm": True}


def _services(state: Path) -> list[Any]:
    client = engine.connect()
    try:
        # One that has left its Swarm has no services, and does not like to be asked.
        manages = client.info()["Swarm"]["ControlAvailable"]
        return client.services.list(filters=_mine(state)) if manages else []
    except DockerException as error:
        raise OSError(f"Docker does not answer: {error}") from error


def _secrets(state: Path) -> list[Any]:
    client = engine.connect()
    try:
        manages = client.info()["Swarm"]["ControlAvailable"]
        return client.secrets.list(filters=_mine(state)) if manages else []
    except DockerException as error:
        raise OSError(f"Docker does not answer: {error}") from error


def _mine(state: Path, *more: str) -> dict[str, Any]:
    return {"label": [f"{container_spec.STACK_LABEL}={state}", *more]}


def _row(service: Any) -> ProcessState:
    name = service.attrs["Spec"]["Labels"][swarm_spec.SERVICE_LABEL]
    running, wanted = _replicas(service)
    return ProcessState(name, f"{running} of {wanted}", pid=0, uptime_seconds=0)


def _replicas(service: Any) -> tuple[int, int]:
    """How many run, that is have passed their health check, and how many are wanted."""
    tasks = service.tasks(filters={"desired-state": "running"})
    running = sum(task["Status"]["State"] == "running" for task in tasks)
    return running, service.attrs["Spec"]["Mode"]["Replicated"]["Replicas"]


def _all_run(state: Path) -> bool:
    counts = [_replicas(service) for service in _services(state)]
    return bool(counts) and all(running == wanted for running, wanted in counts)


def _wait(condition: Callable[[], bool], what: str, seconds: float = _GONE_WITHIN_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(_POLL_SECONDS)
