"""The Docker engine, and Docker Compose on its command line: found, asked, and never beyond one stack's containers."""

import functools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import AddressFamily
from typing import Any

import docker
import psutil
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from compose.command import run
from compose.containers import engine_needs
from compose.containers.container_spec import STACK_LABEL
from compose.interrupts import NEVER, Interrupts
from compose.manager import ProcessState
from compose.tools import MissingTool
from compose.topology import LOOPBACK

_CALL_TIMEOUT_SECONDS = 10
_STOP_WITHIN_SECONDS = 6
_SERVICE_LABEL = "com.docker.compose.service"
_COMMAND_WITHIN_SECONDS = 300.0
_BESIDE_WITHIN_SECONDS = 20  # whose data it works on is down meanwhile
_ASKED_WITHIN_SECONDS = 30
_GONE_WITHIN_SECONDS = 30.0
_POLL_SECONDS = 0.05


def connect(timeout_seconds: int = _CALL_TIMEOUT_SECONDS) -> docker.DockerClient:
    """A client of the engine that the environment names. Raises MissingTool saying what is missing and what to do."""
    _docker()
    _refuse(engine_needs.other_machine(os.environ.get("DOCKER_HOST", "")))
    try:
        client = _client(os.environ.get("DOCKER_HOST"), timeout_seconds)
        client.ping()
    except DockerException as error:
        raise MissingTool(
            f"Docker's daemon does not answer ({error}); start it, or join the group `docker`, or use RUNTIME=native"
        ) from error
    return client


@functools.cache
def _client(_: str | None, timeout_seconds: int) -> docker.DockerClient:
    # Making one asks the engine for its version, and each keeps connections of its own.
    return docker.from_env(timeout=timeout_seconds)


def _docker() -> str:
    if (path := shutil.which("docker")) is None:
        raise MissingTool("docker: not found, install Docker Engine with its Compose plugin, or use RUNTIME=native")
    return path


def assert_fit() -> None:
    """Raises MissingTool where the engine, or `docker compose`, is missing or lacks what the stack needs."""
    context = _ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    # Podman's `docker` has no contexts; whose engine it is, the engine says.
    if context.returncode == 0:
        host = context.stdout.strip()
        _refuse(engine_needs.other_machine(host))
        _refuse(engine_needs.other_engine(host, os.environ.get("DOCKER_HOST") or DEFAULT_UNIX_SOCKET))
    client = connect()
    _refuse(engine_needs.refusal(client.version(), client.info()))
    compose = _ask("compose", "version", "--short")
    if compose.returncode or not compose.stdout.strip():
        raise MissingTool("docker compose: not found, install the package docker-compose-plugin")
    _refuse(engine_needs.compose_refusal(compose.stdout.strip()))


def _refuse(why: str) -> None:
    if why:
        raise MissingTool(why)


def _ask(*arguments: str) -> "subprocess.CompletedProcess[str]":
    asked = (_docker(), *arguments)
    try:
        return subprocess.run(asked, capture_output=True, text=True, timeout=_ASKED_WITHIN_SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        raise MissingTool(
            f"`docker {' '.join(arguments)}` says nothing for {_ASKED_WITHIN_SECONDS} s: try it by hand, restart it, "
            "or use RUNTIME=native"
        ) from late


def command(
    *arguments: str,
    within_seconds: float = _COMMAND_WITHIN_SECONDS,
    interrupts: Interrupts = NEVER,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run `docker` with these arguments, and give what it printed. Raises CalledProcessError, and TimeoutExpired."""
    told = {"COMPOSE_PROGRESS": "plain", **(environment or {})}
    return run((_docker(), *arguments), told, within_seconds=within_seconds, interrupts=interrupts)


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """One project of Docker Compose: its name and its files."""

    name: str
    files: tuple[Path, ...]
    interrupts: Interrupts = NEVER
    """Looked at while Compose is at work."""

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run `docker compose` on it, and give what it printed. Raises CalledProcessError."""
        files = [word for file in self.files for word in ("--file", str(file))]
        whole = ("compose", "--project-name", self.name, *files, *arguments)
        return command(*whole, interrupts=self.interrupts, environment=environment)


class ContainerManager:
    """Manager of one stack's containers: those that carry its label, and no others."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def answers(self) -> bool:
        try:
            return bool(self._containers(connect()))
        except MissingTool:
            return False

    def processes(self) -> list[ProcessState]:
        return [_state(container) for container in self._containers(connect())]

    def start(self, name: str) -> None:
        for container in self._named(name):
            container.start()

    def stop(self, name: str) -> None:
        """Returns when it has ended, at the latest after 6 s."""
        for container in self._named(name):
            container.stop(timeout=_STOP_WITHIN_SECONDS)

    def address(self, name: str, network: str) -> str:
        """Its address on the network whose name ends like this. Raises OSError when it is not on it."""
        for container in self._named(name):
            for each, attached in container.attrs["NetworkSettings"]["Networks"].items():
                if each.endswith(network) and attached["IPAddress"]:
                    return str(attached["IPAddress"])
        raise OSError(f"{name} has no address on {network}")

    def _named(self, name: str) -> list[Container]:
        return [each for each in self._containers(connect()) if each.labels.get(_SERVICE_LABEL) == name]

    def _containers(self, client: docker.DockerClient) -> list[Container]:
        try:
            found = client.containers.list(all=True, filters={"label": f"{STACK_LABEL}={self.state}"})
            return [each for each in found if _SERVICE_LABEL in each.labels]
        except DockerException as error:
            raise OSError(f"Docker does not answer: {error}") from error


def gateway() -> str:
    """This machine's own address on the network by which containers reach it; loopback where it has none.

    Docker Desktop's containers live in a virtual machine, and reach loopback.
    """
    options = connect().networks.get("bridge").attrs.get("Options") or {}
    interface = psutil.net_if_addrs().get(options.get("com.docker.network.bridge.name", ""), [])
    return next((address.address for address in interface if address.family is AddressFamily.AF_INET), LOOPBACK)


def beside(state: Path, name: str, argv: tuple[str, ...]) -> None:
    """Run a program of this container's image, as its user and with its mounts, to its end. Raises OSError."""
    client = connect(timeout_seconds=_BESIDE_WITHIN_SECONDS)
    found = client.containers.list(all=True, filters={"label": [f"{STACK_LABEL}={state}", f"{_SERVICE_LABEL}={name}"]})
    if not found:
        raise OSError(f"the stack has no container {name}")
    like = found[0].attrs
    try:
        client.containers.run(
            like["Image"],
            list(argv[1:]),
            entrypoint=[argv[0]],
            user=like["Config"]["User"],
            volumes_from=[like["Id"]],
            network_mode="none",
            labels={STACK_LABEL: str(state)},
            remove=True,
        )
    except DockerException as error:
        raise OSError(f"{argv[0]}: {error}") from error


def remove_all(state: Path) -> None:
    """Remove every container, network and volume that carries the stack's label.

    Returns once the engine has none of them any more; raises OSError saying what is left, 30 s after each kind's turn.
    """
    client = connect(timeout_seconds=30)
    mine: dict[str, str | list[str] | bool] = {"label": f"{STACK_LABEL}={state}"}
    containers = partial(client.containers.list, all=True, ignore_removed=True, filters=mine)
    volumes = partial(client.volumes.list, filters=mine)
    try:
        _remove(containers, containers)
        # What is left of a Swarm's network on this machine need not have its labels.
        _remove(partial(client.networks.list, filters=mine), client.networks.list)
        _remove(volumes, volumes)
    except DockerException as error:
        raise OSError(f"Docker cannot remove the stack: {error}") from error


def _remove(mine: Callable[[], Sequence[Any]], all_there_are: Callable[[], Sequence[Any]]) -> None:
    """Remove what is mine, and wait until it is not there: a Swarm's manager says yes before it has done it."""
    ids = {each.id for each in mine()}
    deadline, refused = time.monotonic() + _GONE_WITHIN_SECONDS, ""
    while left := [each for each in all_there_are() if each.id in ids]:
        if time.monotonic() > deadline:
            names = ", ".join(sorted(str(each.name) for each in left))
            raise OSError(f"Docker still has {names} after {_GONE_WITHIN_SECONDS:g} s{refused}")
        with ThreadPoolExecutor(len(left)) as pool:
            # One that reaches over several machines is in use for a while after who used it is gone.
            refused = next((f": {why}" for why in pool.map(_end, left) if why), refused)
        # What the engine was still making for a Compose that was interrupted.
        ids |= {each.id for each in mine()}
        time.sleep(_POLL_SECONDS)


def _end(each: Any) -> str:
    """Have it removed; why Docker would not, or nothing."""
    try:
        each.remove(force=True, v=True) if isinstance(each, Container) else each.remove()
    except NotFound:
        return ""
    except APIError as error:
        return str(error)
    return ""


def _state(container: Container) -> ProcessState:
    state = container.attrs["State"]
    pid = int(state["Pid"])
    began = datetime.fromisoformat(state["StartedAt"][:19]).replace(tzinfo=UTC)
    uptime = int((datetime.now(UTC) - began).total_seconds()) if pid else 0
    return ProcessState(container.labels[_SERVICE_LABEL], str(state["Status"]), pid, uptime)
