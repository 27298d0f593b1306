"""The container runtime: every program but the watchdog is a container of Docker Compose."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import yaml

from compose.config import credentials, programs, render, target_file
from compose.containers import container_spec, digests, engine, image_build, image_pull
from compose.containers.container_spec import COMPOSE_FILE
from compose.containers.engine import ComposeProject, ContainerManager
from compose.containers.images import NAMES, Image, images
from compose.interrupts import NEVER, Interrupts
from compose.manager import ProcessState
from compose.native import native, processes
from compose.native.supervisor import Supervisor
from compose.settings import SHOPS, StackSettings
from compose.stack import Progress, StackError
from compose.topology import OUTSIDE, REDIS_REPLICAS_PER_MASTER, Topology, Wave, build

_UNPRIVILEGED = 65534
"""Who runs the containers, and owns their data, when root brings the stack up: nobody."""


class ContainersAndWatchdog(ContainerManager):
    """Manager of the containers; the watchdog, which is none, is shown beside them."""

    def processes(self) -> list[ProcessState]:
        supervisor = native.Native.manager_of(self.state)
        return [*super().processes(), *(supervisor.processes() if supervisor.answers() else [])]


@dataclass(frozen=True)
class Containers:
    """Runtime by containers; see `stack.Runtime`."""

    settings: StackSettings
    interrupts: Interrupts = NEVER
    """Looked at where something takes long that `up` takes back."""

    name = "compose"

    @property
    def manager(self) -> ContainersAndWatchdog:
        return self.manager_of(self.settings.state)

    @staticmethod
    def manager_of(state: Path) -> ContainersAndWatchdog:
        """The containers of the stack in this folder."""
        return ContainersAndWatchdog(state)

    @staticmethod
    def promtool(state: Path, arguments: tuple[str, ...]) -> None:
        """Run promtool in a container like Prometheus's. Raises OSError."""
        engine.beside(state, "prometheus", ("promtool", *arguments))

    @cached_property
    def project(self) -> ComposeProject:
        """The project of Docker Compose."""
        files = (COMPOSE_FILE, self.settings.state / "config" / "compose.yaml")
        return ComposeProject(self.settings.project, files, self.interrupts)

    def topology(self) -> Topology:
        """Grafana only where it is asked for, by `COMPOSE_PROFILES=grafana`."""
        return build(self.settings, self._left_out(), apart=True)

    def notices(self) -> list[str]:
        """This is where a missing engine is found, before anything is touched. Raises MissingTool and StackError."""
        if self.settings.shops != SHOPS:
            raise StackError(
                f"STORMDRILL_SHOPS: {self.settings.shops}: what runs in containers has {SHOPS} instances of the shop; "
                "use RUNTIME=native, or scale the service of a Swarm"
            )
        engine.assert_fit()
        off = "grafana: left out, dashboards are not drawn; COMPOSE_PROFILES=grafana brings it up as well"
        return [] if self.topology().of_role("grafana") else [off]

    def end_all(self, progress: Progress) -> None:
        """Also the networks and the volumes, and the watchdog."""
        if self.manager.processes():
            progress("stopping the containers")
        native.Native(self.settings).end_all(lambda _: None)
        engine.remove_all(self.settings.state)

    def prepare(self, topology: Topology, progress: Progress) -> None:
        """Builds the two images of our own where they are missing."""
        state = self.settings.state
        processes.begin_ledger(state)
        render.make_folders(self.settings, topology)
        render.write_all(self.settings, topology)
        owner = _UNPRIVILEGED if os.getuid() == 0 else -1
        credentials.make(topology.secrets, owner)
        nodes = topology.of_role("redis")
        credentials.make_redis(topology.secrets, (topology.at(node.port) for node in nodes), owner)
        credentials.keep_certificate(self.settings.certificate, topology.secrets, owner)
        roles = credentials.roles(topology.secrets, programs.DATABASE)
        (state / "config" / credentials.ROLES).write_text(roles)
        (state / "config" / "postgresql.conf").write_text(render.postgresql_conf(topology))
        (state / "config" / container_spec.POSTGRES_INIT).write_text(container_spec.postgres_init(state / "config"))
        with self.interrupts.at_once():  # the engine takes minutes, and gives up when nobody listens
            references = digests.pinned(images(image_build.services(progress), image_build.toxiproxy(progress)))
            # Before Compose would, which says nothing of it here, and is given less time.
            image_pull.missing(_official(topology, references), progress)
        self._write_containers(topology, references, _owner(state), progress)
        target_file.write(self.settings, topology, self.name, self._control())
        # Prometheus asks for its metrics from a container.
        launches = [each for each in programs.launches(self.settings, topology, NAMES) if each.name in OUTSIDE]
        seen = [replace(each, argv=(*each.argv, "--also-at", engine.gateway())) for each in launches]
        native.write_supervisord(self.settings, seen)
        render.readable(state / "config")

    def start_manager(self) -> None:
        """Supervisord keeps the watchdog, Docker the rest."""
        native.start_supervisord(self.settings)

    def start_wave(self, topology: Topology, wave: Wave) -> None:
        if contained := [each.name for each in container_spec.containers(topology) if each.wave is wave]:
            self.project.run("up", "--detach", "--no-deps", *contained)
        for program in topology.programs:
            if program.wave is wave and program.role in OUTSIDE:
                self._watchdogs_supervisor().start(program.name)

    def form_cluster(self, topology: Topology) -> None:
        """From within, as the nodes must reach each other at what they are told."""
        nodes = topology.of_role("redis")
        announced = self.manager.address("toxiproxy", "back")
        addresses = [f"{announced}:{topology.proxy(node.name).listen}" for node in nodes]
        replicas = ("--cluster-replicas", str(REDIS_REPLICAS_PER_MASTER), "--cluster-yes")
        asks = ("exec", "-T", "-e", "REDISCLI_AUTH", nodes[0].name, "redis-cli", "--user", credentials.OWNER)
        password = {"REDISCLI_AUTH": credentials.redis_password(topology.secrets)}
        self.project.run(*asks, "--cluster", "create", *addresses, *replicas, environment=password)

    @staticmethod
    def _left_out() -> frozenset[str]:
        profiles = os.environ.get("COMPOSE_PROFILES", "").split(",")
        return frozenset() if "grafana" in profiles else frozenset({"grafana"})

    def _write_containers(self, topology: Topology, images: Mapping[str, Image], user: str, _: Progress) -> None:
        self._write("compose.yaml", container_spec.document(self.settings, topology, images, user))

    def _write(self, name: str, document: Mapping[str, object]) -> None:
        (self.settings.state / "config" / name).write_text(yaml.safe_dump(dict(document), sort_keys=False))

    def _control(self) -> dict[str, object]:
        return {"type": "docker", "label": f"{container_spec.STACK_LABEL}={self.settings.state}"}

    def _watchdogs_supervisor(self) -> Supervisor:
        return native.Native.manager_of(self.settings.state)


def _official(topology: Topology, references: Mapping[str, Image]) -> list[str]:
    """The images of the containers that are not built here."""
    named = digests.by_service()
    official = [each for each in container_spec.containers(topology) if each.name in named]
    return [references[each.role].reference or named[each.name] for each in official]


def _owner(state: Path) -> str:
    """Give the data to whom the containers run as, and say who that is, as uid:gid."""
    if os.getuid() != 0:
        return f"{os.getuid()}:{os.getgid()}"
    for folder in (state / "run", state / "data", *(state / "data").iterdir()):
        os.chown(folder, _UNPRIVILEGED, _UNPRIVILEGED)
    return f"{_UNPRIVILEGED}:{_UNPRIVILEGED}"
