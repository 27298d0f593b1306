"""A Docker engine of the tests' own, with stand-ins for the official images: for CI's machines, which can pull none.

Never over a user's own Docker: the engine has a folder, a socket and a bridge of its own, and is ended afterwards.
"""

import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker

from compose.containers import digests
from compose.tools import cache_folder
from tests.containers import official_images, stand_ins
from tests.containers.stand_ins import BASE, PACKAGES, RELEASE

_HERE = Path(__file__).parent
_STARTS_WITHIN_SECONDS = 90


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
        process.wait(60)


def _wait_for(host: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while True:
        # By its command: a client of the library that finds nobody leaves its socket open.
        command = ("docker", "--host", host, "version")
        if subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0:
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
    """The official images that the stack needs; Grafana has no stand-in, nor Go, with which users build."""
    none = ("grafana/grafana", "golang")
    return {each for each in digests.named() if official_images.row(each).repository not in none}


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
    image = official_images.row(reference)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(stand_ins.dockerfile(image))
        if script := stand_ins.entrypoint(image):
            shutil.copy(_HERE / script, context / "docker-entrypoint.sh")
        for name, cached in stand_ins.built(image).items():
            shutil.copy(_built(cached), context / name)
        client.images.build(path=folder, tag=reference, rm=True)


def _built(name: str) -> Path:
    path = cache_folder() / name
    if not path.exists():
        raise RuntimeError(f"{name} is not built: STORMDRILL_OWN_DOCKER=1 make setup")
    return path


def _mirror() -> str:
    """Where this machine takes Debian's packages from, whichever release of Debian it is itself."""
    command = ("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages")
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    return next(uri for suite, uri in map(str.split, listed) if suite == release)
