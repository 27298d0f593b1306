"""What the official images that the stack names are like: a table, each row as the image's own source says.

It was read in the repositories that make the images, as they were in late 2026. The stand-ins (stand_ins.py) are made
of it, and what the stack relies on is held against it (tests/unit/compose/test_official_images.py). Where the images
themselves can be pulled, the tests in containers look whether it is true of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True, slots=True)
class OfficialImage:
    """One image, as it is before anybody says anything."""

    repository: str
    source: str
    """Who says so: repository and file."""
    base: str
    """What it is made on: it decides which programs of general use there are."""
    programs: Mapping[str, str]
    """Name → path, of its own and of those of general use; what another row has and this one lacks is not there."""
    entrypoint: tuple[str, ...] = ()
    """What takes the arguments; a script is told from the program itself by `entry_point_does`."""
    entry_point_does: str = ""
    """What a script does before it becomes the program; empty: the entry point is the program, or there is none."""
    command: tuple[str, ...] = ()
    user: str = ""
    """As whom it runs; empty: root."""
    accounts: Mapping[str, int] = field(default_factory=dict)
    """Names that may be given as a user, with their numbers."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beyond PATH."""
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    workdir: str = ""
    volumes: tuple[str, ...] = ()
    """Declared: where nothing is mounted there, each container gets a volume of its own."""
    stop_signal: str = ""
    owners: Mapping[str, int] = field(default_factory=dict)
    """Folder → the number of the user it belongs to; a new volume that is mounted there takes that over."""
    writes: tuple[str, ...] = ()
    """Folders that it writes to of its own accord when it is run as the stack runs it."""

    def finds(self, program: str) -> str:
        """The path of a program as it is found by its name or path; empty: it is not there."""
        if program in self.programs.values():
            return program
        path = self.programs.get(program, "")
        return path if str(PurePosixPath(path).parent) in self.path.split(":") else ""


_SHELL = ("sh", "sleep", "grep", "sed", "rm", "timeout")
_DEBIAN = {name: f"/usr/bin/{name}" for name in (*_SHELL, "bash", "getent")}
_BUSYBOX = {name: f"/bin/{name}" for name in (*_SHELL, "busybox", "wget")}
# getent is of musl-utils, which the image of Alpine has from the beginning.
_ALPINE = _BUSYBOX | {name: f"/usr/bin/{name}" for name in ("wget", "timeout", "getent")}
_NOBODY = {"nobody": 65534}
POSTGRES_PROGRAMS = "/usr/lib/postgresql/17/bin"

OFFICIAL = (
    OfficialImage(
        repository="haproxy",
        source="docker-library/haproxy: 3.0/Dockerfile, docker-entrypoint.sh",
        base="debian",
        programs=_DEBIAN | {"haproxy": "/usr/local/sbin/haproxy"},
        entrypoint=("docker-entrypoint.sh",),
        entry_point_does="puts -W -db before the arguments of haproxy, so that a master keeps a worker",
        command=("haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"),
        user="haproxy",
        accounts={"haproxy": 99},
        workdir="/var/lib/haproxy",
        owners={"/var/lib/haproxy": 99},
        stop_signal="SIGUSR1",
    ),
    OfficialImage(
        repository="redis",
        source="redis/docker-library-redis, release/8.0: debian/Dockerfile, docker-entrypoint.sh",
        base="debian",
        programs=_DEBIAN | {name: f"/usr/local/bin/{name}" for name in ("redis-server", "redis-cli")},
        entrypoint=("docker-entrypoint.sh",),
        entry_point_does=(
            "as root becomes redis and gives it the data; says --loadmodule for each module of the image, which take "
            "memory of their own; protected mode is compiled to be off"
        ),
        command=("redis-server",),
        accounts={"redis": 999},
        workdir="/data",
        volumes=("/data",),
        owners={"/data": 999},
    ),
    OfficialImage(
        repository="postgres",
        source="docker-library/postgres: 17/trixie/Dockerfile, docker-entrypoint.sh",
        base="debian",
        programs=_DEBIAN
        | {name: f"{POSTGRES_PROGRAMS}/{name}" for name in ("postgres", "initdb", "pg_ctl", "pg_isready", "psql")},
        entrypoint=("docker-entrypoint.sh",),
        entry_point_does=(
            "where PGDATA is empty: initdb with POSTGRES_USER (postgres), refused without POSTGRES_PASSWORD unless "
            "POSTGRES_HOST_AUTH_METHOD is trust; a server on the socket in /var/run/postgresql alone; CREATE DATABASE "
            "POSTGRES_DB (POSTGRES_USER); /docker-entrypoint-initdb.d/* (*.sh sourced, run where they are executable); "
            "the server ends, and postgres begins. As root it becomes postgres. Of 18 PGDATA and volume are elsewhere"
        ),
        command=("postgres",),
        accounts={"postgres": 999},
        environment={"PGDATA": "/var/lib/postgresql/data", "PG_MAJOR": "17"},
        path=f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{POSTGRES_PROGRAMS}",
        volumes=("/var/lib/postgresql/data",),
        stop_signal="SIGINT",
        owners={"/var/lib/postgresql/data": 999},
        # Debian has /var/run at /run.
        writes=("/tmp", "/run/postgresql", "/var/lib/postgresql/data"),
    ),
    OfficialImage(
        repository="python",
        source="docker-library/python: 3.13/slim-trixie/Dockerfile",
        base="debian",
        programs=_DEBIAN | {"python": "/usr/local/bin/python", "python3": "/usr/local/bin/python3"},
        command=("python3",),
        path="/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    OfficialImage(
        repository="golang",
        source="docker-library/golang: 1.25/trixie/Dockerfile",
        base="debian",
        programs=_DEBIAN | {"go": "/usr/local/go/bin/go", "wget": "/usr/bin/wget"},
        environment={"GOPATH": "/go", "GOTOOLCHAIN": "local"},
        path="/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        workdir="/go",
    ),
    OfficialImage(
        repository="prom/prometheus",
        source="prometheus/prometheus: Dockerfile; prometheus/busybox (uclibc)",
        base="busybox",
        programs=_BUSYBOX | {"prometheus": "/bin/prometheus", "promtool": "/bin/promtool"},
        entrypoint=("/bin/prometheus",),
        command=("--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"),
        user="nobody",
        accounts=_NOBODY,
        workdir="/prometheus",
        volumes=("/prometheus",),
        owners={"/prometheus": 65534},
    ),
    OfficialImage(
        repository="prom/alertmanager",
        source="prometheus/alertmanager: Dockerfile; prometheus/busybox (uclibc)",
        base="busybox",
        programs=_BUSYBOX | {"alertmanager": "/bin/alertmanager"},
        entrypoint=("/bin/alertmanager",),
        command=("--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"),
        user="nobody",
        accounts=_NOBODY,
        workdir="/alertmanager",
        volumes=("/alertmanager",),
        owners={"/alertmanager": 65534},
    ),
    OfficialImage(
        repository="prometheuscommunity/postgres-exporter",
        source="prometheus-community/postgres_exporter: Dockerfile; prometheus/busybox (uclibc)",
        base="busybox",
        programs=_BUSYBOX | {"postgres_exporter": "/bin/postgres_exporter"},
        entrypoint=("/bin/postgres_exporter",),
        user="nobody",
        accounts=_NOBODY,
    ),
    OfficialImage(
        repository="oliver006/redis_exporter",
        source="oliver006/redis_exporter, v1.69.0: Dockerfile (the tag without -alpine)",
        base="scratch",
        programs={"redis_exporter": "/redis_exporter"},
        entrypoint=("/redis_exporter",),
        user="59000:59000",
    ),
    OfficialImage(
        repository="jaegertracing/jaeger",
        source="jaegertracing/jaeger: cmd/jaeger/Dockerfile, scripts/build/docker/base/Dockerfile",
        base="alpine",
        programs=_ALPINE | {"jaeger": "/cmd/jaeger/jaeger-linux"},
        entrypoint=("/cmd/jaeger/jaeger-linux",),
        user="10001",
        environment={"JAEGER_LISTEN_HOST": "0.0.0.0"},
        volumes=("/tmp",),
    ),
    OfficialImage(
        repository="grafana/grafana",
        source="grafana/grafana: Dockerfile, packaging/docker/run.sh",
        base="alpine",
        programs=_ALPINE | {"bash": "/bin/bash", "grafana": "/usr/share/grafana/bin/grafana", "run.sh": "/run.sh"},
        entrypoint=("/run.sh",),
        entry_point_does=(
            "makes the folder of the plug-ins, and becomes `grafana server` with --homepath, --config and the paths of "
            "GF_PATHS_…, to which the arguments are added"
        ),
        user="472",
        environment={
            "GF_PATHS_CONFIG": "/etc/grafana/grafana.ini",
            "GF_PATHS_DATA": "/var/lib/grafana",
            "GF_PATHS_HOME": "/usr/share/grafana",
            "GF_PATHS_LOGS": "/var/log/grafana",
            "GF_PATHS_PLUGINS": "/var/lib/grafana/plugins",
            "GF_PATHS_PROVISIONING": "/etc/grafana/provisioning",
        },
        path="/usr/share/grafana/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        workdir="/usr/share/grafana",
        owners={"/var/lib/grafana": 472},
        writes=("$GF_PATHS_DATA", "$GF_PATHS_LOGS", "$GF_PATHS_PLUGINS"),
    ),
)


def row(reference: str) -> OfficialImage:
    """The row of the image that a Compose file or Dockerfile names."""
    (found,) = (each for each in OFFICIAL if each.repository == reference.partition("@")[0].partition(":")[0])
    return found


def absent(image: OfficialImage) -> set[str]:
    """The names of the programs that other images have, and this one has not."""
    return {name for each in OFFICIAL for name in each.programs} - set(image.programs)


def differences(config: Mapping[str, Any], image: OfficialImage) -> list[str]:
    """What `docker image inspect` says under Config that the row does not; a field that is empty may be left out."""
    environment = dict(each.split("=", 1) for each in config.get("Env") or ())
    said: dict[str, tuple[object, object]] = {
        "Entrypoint": (tuple(config.get("Entrypoint") or ()), image.entrypoint),
        "Cmd": (tuple(config.get("Cmd") or ()), image.command),
        "User": (config.get("User") or "", image.user),
        "Volumes": (set(config.get("Volumes") or ()), set(image.volumes)),
        "WorkingDir": (config.get("WorkingDir") or "", image.workdir or config.get("WorkingDir") or ""),
        "StopSignal": (config.get("StopSignal") or "", image.stop_signal),
        "PATH": (environment.get("PATH", "").split(":"), image.path.split(":")),
        "Env": ({name: environment.get(name) for name in image.environment}, dict(image.environment)),
    }
    return [f"{field}: {its}, not {wanted}" for field, (its, wanted) in said.items() if its != wanted]
