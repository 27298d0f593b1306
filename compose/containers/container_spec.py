"""What the topology adds to compose.yaml: each container's command, environment, ports and mounts.

Commands and settings are the native runtime's own, made for a topology whose programs are apart; configuration is
mounted at the path that it has on this machine, so that it is the same there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from compose.config import credentials, programs, render
from compose.containers.images import NAMES, Image
from compose.settings import ROOT, StackSettings
from compose.topology import LOOPBACK, OUTSIDE, THIS_MACHINE, Program, Topology

STACK_LABEL = "io.stormdrill.stack"
"""On each container, network and volume: the state folder of the stack that it belongs to."""
COMPOSE_FILE = ROOT / "compose" / "compose.yaml"
"""Who may do what."""
POSTGRES_INIT = "include.sh"
NETWORKS = ("admin", "back", "front", "telemetry")
# What compose.yaml allows an instance is enough for four workers of 100 MiB each.
_WORKERS_IN_ALLOWED = 4
_MIB_A_WORKER = 128


def containers(topology: Topology) -> list[Program]:
    """The programs that run in containers of Compose."""
    return [program for program in topology.programs if program.role not in OUTSIDE and not program.replicas]


def document(
    settings: StackSettings,
    topology: Topology,
    images: Mapping[str, Image],
    user: str,
    networks: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The Compose file that goes with compose.yaml; `user` (uid:gid) owns the state folder's data.

    `networks` are those that are there already; None: Compose makes its own.
    """
    launches = {launch.name: launch for launch in programs.launches(settings, topology, NAMES)}
    labels = {STACK_LABEL: str(settings.state)}
    services = {
        program.name: _service(program, settings, topology, images[program.role], user, launches[program.name])
        for program in containers(topology)
    }
    volumes = {name for program in containers(topology) for name in images[program.role].volumes}
    return {
        "services": {name: service | {"labels": labels} for name, service in services.items()},
        "networks": dict(networks or {name: {"labels": labels} for name in NETWORKS}),
        "secrets": secrets(topology, containers(topology)),
        "volumes": {name: {"labels": labels} for name in sorted(volumes)},
    }


def published(program: Program, topology: Topology) -> list[int]:
    """The ports that this machine reaches it by, on loopback; the ways through Toxiproxy are Toxiproxy's."""
    own = program.ports[:1] if program.role == "redis" else program.ports
    proxies = [proxy.listen for proxy in topology.proxies] if program.role == "toxiproxy" else []
    return [*own, *program.metrics_ports, *proxies]


def secrets(topology: Topology, programs_: Sequence[Program]) -> dict[str, dict[str, object]]:
    """The passwords and keys that these programs are told, each with its file on this machine."""
    files = {file for program in programs_ for file in _secret_files(program, topology)}
    return {file.name: {"file": str(file)} for file in sorted(files)}


def secret(program: Program, topology: Topology) -> list[dict[str, object]]:
    """The one that this program is told, where it lies on this machine as well; none for most."""
    return [{"source": file.name, "target": str(file)} for file in _secret_files(program, topology)]


def _secret_files(program: Program, topology: Topology) -> list[Path]:
    if program.role == "haproxy" and topology.https:
        return [credentials.certificate(topology.secrets)]
    folder = topology.secrets
    of_redis = {
        "redis": credentials.redis_users(folder),
        "redis-exporter": credentials.redis_passwords(folder),
        "shop": credentials.redis_password_file(folder, "shop"),
    }
    role = credentials.of_role(program.role)
    files = [credentials.password_file(folder, role)] if role else []
    return [*files, *(of_redis[each] for each in (program.role,) if each in of_redis)]


def _service(
    program: Program, settings: StackSettings, topology: Topology, image: Image, user: str, launch: programs.Launch
) -> dict[str, object]:
    service: dict[str, object] = {
        "command": [escaped(word) for word in launch.argv[1:]],
        "environment": {name: escaped(value) for name, value in sorted(launch.env.items())},
        "ports": [f"{LOOPBACK}:{port}:{port}" for port in published(program, topology)],
        "volumes": _mounts(program, settings, image),
        "stop_signal": f"SIG{launch.stop_signal}",
        "user": user,
    }
    if told := secret(program, topology):
        service["secrets"] = told
    if image.reference:
        service["image"] = image.reference
    if image.entrypoint is not None:
        service["entrypoint"] = [escaped(word) for word in image.entrypoint]
    if image.healthcheck is not None:
        service["healthcheck"] = healthcheck(image.healthcheck, program) | {"interval": "30s", "start_period": "30s"}
    return service | _special(program, settings, image)


def healthcheck(command: Sequence[str], program: Program) -> dict[str, object]:
    """How Docker asks whether the program is well."""
    return {"test": ["CMD", *(escaped(word.format(port=program.port)) for word in command)], "timeout": "5s"}


def _mounts(program: Program, settings: StackSettings, image: Image) -> list[str]:
    config, data = settings.state / "config", settings.state / "data" / program.name
    mounts = [f"{config}:{config}:ro", f"{data}:{data}"]
    if program.role == "haproxy":
        run = settings.state / "run"
        mounts.append(f"{run}:{run}")
    return [*mounts, *_volumes(image)]


def _volumes(image: Image) -> list[str]:
    return [f"{name}:{folder}" for name, folder in image.volumes.items()]


def _special(program: Program, settings: StackSettings, image: Image) -> dict[str, object]:
    match program.role:
        case "postgres":
            # The image's entry point makes user and database, and runs as a user that the image knows.
            init = settings.state / "config" / POSTGRES_INIT
            return {
                "command": ["postgres"],
                "environment": {
                    "POSTGRES_USER": credentials.OWNER,
                    "POSTGRES_DB": programs.DATABASE,
                    # While it serves nobody; the last script ends that.
                    "POSTGRES_HOST_AUTH_METHOD": "trust",
                    "POSTGRES_INITDB_ARGS": "--locale=C --encoding=UTF8 --no-sync",
                },
                "volumes": [
                    f"{init.parent}:{init.parent}:ro",
                    f"{init}:/docker-entrypoint-initdb.d/{init.name}:ro",
                    *_volumes(image),
                ],
                "user": "postgres",
            }
        case "prometheus":
            return {"extra_hosts": [f"{THIS_MACHINE}:host-gateway"]}
        case "grafana":
            return {"command": []}
        case "shop" | "inventory":
            return memory(settings)
    return {}


def memory(settings: StackSettings) -> dict[str, object]:
    """More of it than compose.yaml allows an instance, where it has more workers than fit in there."""
    workers = settings.workers
    return {"mem_limit": f"{_MIB_A_WORKER * workers}m"} if workers > _WORKERS_IN_ALLOWED else {}


def postgres_init(config: Path) -> str:
    """The script by which Postgres's image takes roles and settings over, once its database is made.

    The settings come last: who finds them there knows that all was done.
    """
    ask = 'PGHOST= psql --no-psqlrc -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB"'
    roles, conf = config / credentials.ROLES, config / "postgresql.conf"
    lines = (
        f"{ask} -f '{roles}'",
        f"echo '{render.PG_HBA.strip()}' >\"$PGDATA/pg_hba.conf\"",
        f'echo "include \'{conf}\'" >>"$PGDATA/postgresql.conf"',
    )
    return "\n".join([*lines, ""])


def escaped(word: str) -> str:
    """The word, for a Compose file, where what looks like a variable is expanded."""
    return word.replace("$", "$$")
