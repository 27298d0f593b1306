"""A Docker engine of the tests' own, with stand-ins for the official images: for CI's machines, which can pull none.

Never over a user's own Docker: the engine has a folder, a socket and a bridge of its own, and is ended afterwards.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import yaml

from compose.containers import COMPOSE_FILE
from compose.tools import find_one

PACKAGES = (
    "haproxy",
    "postgresql-15",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-postgres-exporter",
    "prometheus-redis-exporter",
    "python3-venv",
    "redis-server",
    "redis-tools",
    "wget",
)
BASE = "stormdrill-test/debian"
RELEASE = "bookworm"
_HERE = Path(__file__).parent
_STARTS_WITHIN_SECONDS = 30
_STAND_INS = {
    "haproxy": "",
    "redis": "",
    "postgres": """
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
RUN install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data && mkdir -p /docker-entrypoint-initdb.d
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["sh", "/usr/local/bin/docker-entrypoint.sh"]
CMD ["postgres"]
""",
    "prom/prometheus": 'ENTRYPOINT ["prometheus"]',
    "prom/alertmanager": 'ENTRYPOINT ["prometheus-alertmanager"]',
    "prometheuscommunity/postgres-exporter": 'ENTRYPOINT ["prometheus-postgres-exporter"]',
    "oliver006/redis_exporter": 'ENTRYPOINT ["prometheus-redis-exporter"]',
    "python": "RUN ln -s python3 /usr/bin/python",
    "jaegertracing/jaeger": 'COPY jaeger /usr/bin/jaeger\nENTRYPOINT ["jaeger"]',
}
"""Repository → what its stand-in has beyond the base, so that it is started as the official image is."""


@contextlib.contextmanager
def engine(folder: Path, within: tuple[str, ...] = ()) -> Iterator[str]:
    """An engine that listens on a socket in this folder; yields its DOCKER_HOST, and ends it afterwards.

    `within` is a command in front of its own, which says in which network it runs. Should the tests be killed, the
    kernel tells it to end, which ends its containers as well.
    """
    host = f"unix://{folder}/docker.sock"
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(
            (
                *("setpriv", "--pdeathsig", "TERM"),
                *within,
                "dockerd",
                f"--host={host}",
                f"--data-root={folder / 'data'}",
                f"--exec-root={folder / 'exec'}",
                f"--pidfile={folder / 'dockerd.pid'}",
            ),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(host, process, folder / "dockerd.log")
        yield host
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(host: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while True:
        # By its command: a client of the library that finds nobody leaves its socket open.
        command = ("docker", "--host", host, "version")
        if subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0:
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"dockerd did not start: {log.read_text()[-1500:]}")
        time.sleep(0.1)


def make_images(host: str) -> None:
    """Build the base and every stand-in that is missing in this engine."""
    with contextlib.closing(docker.DockerClient(host, timeout=600)) as client:
        have = {tag for image in client.images.list() for tag in image.tags}
        if f"{BASE}:latest" not in have:
            _make_base(host)
        for reference in sorted(official() - have):
            _stand_in(client, reference)


def official() -> set[str]:
    """The official images that the stack needs, as its files name them; Grafana has no stand-in."""
    services = yaml.safe_load(COMPOSE_FILE.read_text())["services"].values()
    named = {service["image"] for service in services if "image" in service and "profiles" not in service}
    dockerfile = COMPOSE_FILE.with_name("Dockerfile").read_text().splitlines()
    return named | {line.split()[1] for line in dockerfile if line.startswith("FROM")}


def _make_base(host: str) -> None:
    command = ("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, "-", _mirror())
    environment = os.environ | {"TMPDIR": "/var/tmp"}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment) as made,
    ):
        imported = ("docker", "--host", host, "import", "-", BASE)
        subprocess.run(imported, stdin=made.stdout, check=True, capture_output=True, timeout=900)
        if made.wait():
            said.seek(0)
            raise RuntimeError(f"the base image could not be made: {said.read()[-1500:]}")


def _stand_in(client: docker.DockerClient, reference: str) -> None:
    repository = reference.partition(":")[0]
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(f"FROM {BASE}\n{_STAND_INS[repository]}\n")
        shutil.copy(_HERE / "postgres-entrypoint.sh", context)
        if repository == "jaegertracing/jaeger":
            shutil.copy(find_one("jaeger"), context / "jaeger")
        client.images.build(path=folder, tag=reference, rm=True)


def _mirror() -> str:
    """Where this machine takes Debian's packages from."""
    command = ("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages")
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(uri for release, uri in map(str.split, listed) if release == RELEASE)
