"""What the self-contained Compose file says: the container runtime's commands, configuration and bounds, all in one.

What that runtime does step by step (form the cluster, make the tables) are services here that end when they are done.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from compose.config import credentials, programs, render
from compose.containers import container_spec, digests
from compose.containers.images import NAMES, images
from compose.settings import DEFAULT_PORT_BASE, StackSettings
from compose.standalone import scripts
from compose.topology import LOOPBACK, REDIS_REPLICAS_PER_MASTER, Program, Topology, Wave, build

SERVICES, TOXIPROXY = "stormdrill/services:checkout", "stormdrill/toxiproxy:checkout"
_BUILT_BY = {SERVICES: "pager", TOXIPROXY: "toxiproxy"}
"""Image → the one service that says how it is built: an image that two services build is exported twice at once, and
where containerd keeps the images the second export is refused."""
_CONFIG = "/etc/stormdrill"
_DATA = {
    "redis": "/data",
    "prometheus": "/prometheus",
    "alertmanager": "/alertmanager",
    "grafana": "/var/lib/grafana",
    "pager": "/tmp",  # noqa: S108  # in its own container
}
"""Role → the folder that its image keeps for its data, and lets its user write."""
_KEPT = ("redis", "prometheus", "alertmanager", "grafana")
_USERS = {"postgres": "postgres", "redis": "redis", "grafana": "472"}
"""Those whose folders belong to a user of the image's own; nobody runs the others."""
_NOBODY = "65534:65534"
SHOWN = {
    "haproxy": "FRONT",
    "prometheus": "PROMETHEUS",
    "alertmanager": "ALERTMANAGER",
    "pager": "PAGER",
    "jaeger": "JAEGER",
    "toxiproxy": "TOXIPROXY",
    "grafana": "GRAFANA",
}
"""Roles that this machine reaches, on loopback at STORMDRILL_<…>_PORT."""
_CONFIGS = {
    "postgres": ("postgresql.conf", container_spec.POSTGRES_INIT),
    "redis": ("{name}.conf",),
    "toxiproxy": ("toxiproxy.json",),
    "haproxy": ("haproxy.cfg",),
    "prometheus": ("prometheus.yml", "drill/rules/*"),
    "alertmanager": ("drill/alertmanager.yml",),
    "jaeger": ("jaeger.yaml",),
}
"""Role → its files below the folder of all configuration."""
_CREDENTIALS = "credentials.py"
_KEPT_SECRETS = "credentials"
"""The volume of all passwords, which only who makes them has; each program is of the same user, and could read all."""
_MADE, _TOLD = "/made", "/told"
"""Where who is told a password has it, and where who makes it puts it: for each in a volume of its own."""
ARE_TOLD = (*credentials.SERVICES, credentials.EXPORTER, "postgres")
_ONCE = {"restart": "no", "stop_grace_period": "1s"}
_DONE, _WELL, _BEGUN = ({"condition": f"service_{word}"} for word in ("completed_successfully", "healthy", "started"))


def document(state: Path, builds: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The Compose file; `state` is an empty folder to render in, `builds` says how SERVICES and TOXIPROXY are built."""
    return _Standalone(state, builds).document()


class _Standalone:
    def __init__(self, state: Path, builds: Mapping[str, Mapping[str, str]]) -> None:
        self.builds = builds
        self.settings = StackSettings(DEFAULT_PORT_BASE, state, state, workers=1)
        # The watchdog undoes what the attacker does, and is a process of this machine.
        whole = build(self.settings, frozenset({"watchdog"}), apart=True)
        self.topology: Topology = dataclasses.replace(whole, redis_passwords=False)
        render.make_folders(self.settings, self.topology)
        render.write_all(self.settings, self.topology)
        config = state / "config"
        (config / "postgresql.conf").write_text(render.postgresql_conf(self.topology))
        (config / container_spec.POSTGRES_INIT).write_text(container_spec.postgres_init(config))
        (config / _CREDENTIALS).write_text(Path(credentials.__file__).read_text())
        self.launches = {each.name: each for each in programs.launches(self.settings, self.topology, NAMES)}
        self.images = images(SERVICES, TOXIPROXY)
        self.allowed = digests.services()

    def document(self) -> dict[str, Any]:
        services = {program.name: self._service(program) for program in self.topology.programs}
        volumes = [*self.images["postgres"].volumes, *(name for role in _KEPT for name in self._names(role))]
        return {
            "name": "stormdrill",
            "services": services | dict(self._once()),
            "networks": {name: {} for name in container_spec.NETWORKS},
            "volumes": {name: {} for name in (*volumes, _KEPT_SECRETS, *map(_told, ARE_TOLD))},
            "configs": {name: {"content": _escaped(self._inside(text))} for name, text in sorted(self._configs())},
        }

    def _service(self, program: Program) -> dict[str, Any]:
        image, launch = self.images[program.role], self.launches[program.name]
        command = [_escaped(self._inside(word)) for word in launch.argv[1:]]
        environment = {name: _escaped(self._inside(value)) for name, value in sorted(launch.env.items())}
        service: dict[str, Any] = self.allowed[program.name] | {"user": _USERS.get(program.role, _NOBODY)}
        service |= self._image(image.reference, program.name) | {"command": command, "environment": environment}
        service["stop_signal"] = f"SIG{launch.stop_signal}"
        if image.entrypoint is not None:
            service["entrypoint"] = [_escaped(word) for word in image.entrypoint]
        if image.healthcheck is not None:
            well = container_spec.healthcheck(image.healthcheck, program)
            interval = "2s" if program.role == "postgres" else "5s"
            service["healthcheck"] = well | {"interval": interval, "start_period": "60s"}
        if program.role in SHOWN:
            port = f"${{STORMDRILL_{SHOWN[program.role]}_PORT:-{program.port}}}"
            service["ports"] = [f"{LOOPBACK}:{port}:{program.port}"]
        return service | self._files(program) | self._special(program) | _after(program, self.topology)

    def _files(self, program: Program) -> dict[str, Any]:
        volumes = [f"{name}:{folder}" for name, folder in self.images[program.role].volumes.items()]
        if program.role in _KEPT:
            volumes.append(f"{program.name}:{_DATA[program.role]}")
        if role := credentials.of_role(program.role):
            volumes.append(f"{_told(role)}:{_MADE}/secrets:ro")
        if program.role == "postgres":
            volumes.append(f"{_told(program.role)}:{_MADE}:ro")
        mounted = {"volumes": volumes} if volumes else {}
        names = [path for path, _ in self._of(program)]
        if not names:
            return mounted
        # Compose copies configuration into the container, which it cannot where all is read-only.
        configs = [{"source": _flat(path), "target": f"{_CONFIG}/{path}"} for path in names]
        return mounted | {"configs": configs, "read_only": False}

    def _special(self, program: Program) -> dict[str, Any]:
        match program.role:
            case "postgres":
                init = container_spec.POSTGRES_INIT
                own = {"source": init, "target": f"/docker-entrypoint-initdb.d/{init}"}
                environment = {"POSTGRES_USER": credentials.OWNER, "POSTGRES_DB": programs.DATABASE}
                environment |= {"POSTGRES_HOST_AUTH_METHOD": "trust"}
                environment |= {"POSTGRES_INITDB_ARGS": "--locale=C --encoding=UTF8 --no-sync"}
                conf = {"source": "postgresql.conf", "target": f"{_CONFIG}/postgresql.conf"}
                script = _escaped(scripts.postgres(conf["target"]))
                started = {"entrypoint": ["sh", "-c", script], "command": ["postgres"]}
                return started | {"environment": environment, "configs": [conf, own]}
            case "redis":
                return {"entrypoint": ["sh", "-c", _escaped(scripts.REDIS)]}
            case "grafana":
                read = {"dashboards": "dashboards", "dashboards/provisioning": "provisioning"}
                mounts = [f"../../{ours}:{_CONFIG}/grafana/{its}:ro" for ours, its in read.items()]
                return {"command": [], "volumes": [f"{program.name}:{_DATA[program.role]}", *mounts]}
        return {}

    def _once(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What ends once it is done."""
        ports = [self.topology.proxy(name).listen for name in self._names("redis")]
        script = scripts.cluster(ports, REDIS_REPLICAS_PER_MASTER)
        nodes = dict.fromkeys([*self._names("redis"), "toxiproxy"], _BEGUN)
        redis = self.allowed["redis-1"] | self._image(self.images["redis"].reference, "redis-cluster")
        former = redis | {"user": _USERS["redis"], "entrypoint": ["sh", "-ec", _escaped(script)]}
        yield "redis-cluster", former | _ONCE | {"depends_on": nodes}
        yield "credentials", self._credentials()
        yield from ((f"migrate-{role}", self._migration(role)) for role in ("shop", "inventory"))

    def _credentials(self) -> dict[str, Any]:
        """Makes passwords once, in a volume: those of the data that Postgres has stay good. Each is told its own."""
        source = {"source": _CREDENTIALS, "target": f"{_CONFIG}/{_CREDENTIALS}"}
        service: dict[str, Any] = self.allowed["pager"] | {"user": _NOBODY, "networks": ["back"], "read_only": False}
        service |= self._image(SERVICES, "credentials") | {"configs": [source]}
        service |= {"entrypoint": ["python", source["target"], _MADE, _TOLD, programs.DATABASE]}
        service["volumes"] = [f"{_KEPT_SECRETS}:{_MADE}", *(f"{_told(name)}:{_TOLD}/{name}" for name in ARE_TOLD)]
        return service | _ONCE | {"depends_on": {_BUILT_BY[SERVICES]: _BEGUN}}

    def _migration(self, role: str) -> dict[str, Any]:
        first = self.topology.of_role(role)[0]
        env = programs.service_environment(first, self.settings, self.topology)
        # Straight: Toxiproxy has no shell to tell that it is well.
        dsn = programs.postgres_dsn(self.topology, self.topology.one("postgres").port, "postgres", role=role)
        env[f"{role.upper()}_POSTGRES_DSN"] = dsn
        service: dict[str, Any] = self.allowed[first.name] | {"user": _NOBODY}
        service |= self._image(SERVICES, f"migrate-{role}")
        service |= {"networks": ["back"], "entrypoint": ["python", "-m", f"services.{role}.migrate"]}
        service["environment"] = {name: _escaped(self._inside(value)) for name, value in sorted(env.items())}
        service["volumes"] = [f"{_told(role)}:{_MADE}/secrets:ro"]
        # Whoever brings up a part of the system, gets who builds its image with it.
        return service | _ONCE | {"depends_on": {"postgres": _WELL, _BUILT_BY[SERVICES]: _BEGUN}}

    def _configs(self) -> Iterator[tuple[str, str]]:
        for program in self.topology.programs:
            for path, content in self._of(program):
                yield _flat(path), content
        yield _CREDENTIALS, (self.settings.state / "config" / _CREDENTIALS).read_text()

    def _of(self, program: Program) -> list[tuple[str, str]]:
        config = self.settings.state / "config"
        patterns = [pattern.format(name=program.name) for pattern in _CONFIGS.get(program.role, ())]
        found = [path for pattern in patterns for path in sorted(config.glob(pattern))]
        return [(str(path.relative_to(config)), path.read_text()) for path in found]

    def _inside(self, text: str) -> str:
        """With the containers' paths for this machine's."""
        state = str(self.settings.state)
        for program in self.topology.programs:
            if program.role in _DATA:
                text = re.sub(rf"{re.escape(state)}/data/{program.name}\b", _DATA[program.role], text)
        text = text.replace(f"{state}/config/{credentials.ROLES}", f"{_MADE}/{credentials.ROLES}")
        text = text.replace(f"{state}/secrets", f"{_MADE}/secrets")
        return text.replace(f"{state}/config", _CONFIG).replace(f"{state}/run", "/tmp")  # noqa: S108  # as above

    def _image(self, reference: str, name: str) -> dict[str, Any]:
        """Which image it is, and how it is made or by whom; nothing where compose.yaml says it."""
        if reference not in self.builds:
            return {"image": reference} if reference else {}
        # No registry has it. Compose builds all that it is to build before it starts anything.
        made = {"build": self.builds[reference]} if _BUILT_BY[reference] == name else {"pull_policy": "never"}
        return {"image": reference} | made

    def _names(self, role: str) -> list[str]:
        return [program.name for program in self.topology.of_role(role)]


def _told(name: str) -> str:
    return f"{_KEPT_SECRETS}-{name}"


def _after(program: Program, topology: Topology) -> dict[str, Any]:
    needed: dict[str, dict[str, Any]] = {}
    if program.role in ("postgres", "postgres-exporter"):
        needed = {"credentials": _DONE}
    if program.role in ("shop", "inventory"):
        needed = {f"migrate-{program.role}": _DONE, "toxiproxy": _BEGUN}
    if program.role == "shop":
        needed["redis-cluster"] = _DONE
    if program.role == "redis":
        # Whose address each announces: one that starts anew after them would have another.
        needed = {"toxiproxy": _BEGUN | {"restart": True}}
    if program.role == "haproxy":
        needed = {each.name: _BEGUN for each in topology.programs if each.wave is Wave.SERVICES}
    return {"depends_on": needed} if needed else {}


def _flat(path: str) -> str:
    return path.replace("/", "-")


def _escaped(text: str) -> str:
    return container_spec.escaped(text)
