"""Builds the images of our own, once for each content."""

import hashlib
import importlib.metadata
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from docker import DockerClient
from docker.errors import BuildError, ImageNotFound
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from compose.containers import digests, engine, go_program, image_pull
from compose.containers.engine_needs import MACHINES
from compose.containers.images import CROWD, SERVICES, TOXIPROXY
from compose.settings import ROOT
from compose.stack import Progress, StackError

_PYTHON = "3.13"
"""Of the image, whatever this machine has."""
_PYTHONS = [
    {"python_version": _PYTHON, "python_full_version": f"{_PYTHON}.{patch}", "sys_platform": "linux"}
    for patch in (0, 99)
]
_PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
CROWD_FILES = ("__init__.py", "load/__init__.py", "load/swarm_visitors.py", "spec/__init__.py", "spec/mix.py")
"""Of `chaos`: Locust's users, and what they import."""
_BUILD_WITHIN_SECONDS = 600
_TOXIPROXY_FILE = b'FROM scratch\nCOPY toxiproxy-server /toxiproxy\nUSER 65534:65534\nENTRYPOINT ["/toxiproxy"]\n'


def services(progress: Progress) -> str:
    """The reference of the services' image; builds it where it is missing. Raises StackError."""
    code = [file for file in (ROOT / "services").rglob("*") if file.suffix in (".py", ".sql")]
    return _python_image(SERVICES, code, services_lock(), progress)


def crowd(progress: Progress) -> str:
    """The reference of the image of Locust's users; builds it where it is missing. Raises StackError."""
    return _python_image(CROWD, [ROOT / "chaos" / name for name in CROWD_FILES], crowd_lock(), progress)


def toxiproxy(progress: Progress) -> str:
    """The reference of Toxiproxy's image; builds it where it is missing. Raises StackError."""
    program = go_program.toxiproxy(engine.connect().version()["Arch"], progress)
    return _image(TOXIPROXY, {"Dockerfile": _TOXIPROXY_FILE, "toxiproxy-server": program}, progress)


def _none(_: DockerClient) -> dict[str, bytes]:
    return {}


def services_lock() -> str:
    """The part of requirements.lock that the services need, hashes included."""
    wanted = (ROOT / "services" / "requirements.txt").read_text().splitlines()
    return _lock_of([Requirement(line) for line in wanted if line and not line.startswith("#")])


def crowd_lock() -> str:
    """The part of requirements.lock that Locust needs, hashes included."""
    return _lock_of([Requirement("locust")])


def _lock_of(wanted: list[Requirement]) -> str:
    locked = _locked((ROOT / "requirements.lock").read_text())
    names = closure(wanted)
    # What only some patch release of it needs is installed on each: this machine's need not be the image's.
    return "".join(
        re.sub(r" ; .*(?= \\$)", "", locked[name], count=1, flags=re.M) for name in sorted(names & locked.keys())
    )


def closure(wanted: list[Requirement]) -> set[str]:
    """The names of what is wanted and of all that it needs on the image's Python, as the packages here say."""
    found: set[tuple[str, str]] = set()
    left = [(canonicalize_name(each.name), extra) for each in wanted for extra in ("", *each.extras)]
    while left:
        name, extra = left.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for needed in map(Requirement, _requires(name)):
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra} | each) for each in _PYTHONS):
                left += [(canonicalize_name(needed.name), more) for more in ("", *needed.extras)]
    return {name for name, _ in found}


def _requires(name: str) -> list[str]:
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:  # not needed on this machine's Python
        return []


def _locked(lock: str) -> dict[str, str]:
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return {canonicalize_name(re.split(r"[=\[]", each, maxsplit=1)[0]): each for each in entries if "==" in each}


def _python_image(repository: str, code: list[Path], lock: str, progress: Progress) -> str:
    files = {f"code/{file.relative_to(ROOT)}": file.read_bytes() for file in code}
    files |= {"Dockerfile": digests.pinned_dockerfile().encode(), "packages.lock": lock.encode()}
    return _image(repository, files, progress, partial(_wheels, lock))


def _image(
    repository: str,
    files: dict[str, bytes],
    progress: Progress,
    fetch: Callable[[DockerClient], dict[str, bytes]] = _none,
) -> str:
    """The image that is made of these files and, only where it is missing, of what is fetched then."""
    digest = hashlib.sha256(b"\0".join(word for name in sorted(files) for word in (name.encode(), files[name])))
    reference = f"{repository}:{digest.hexdigest()[:12]}"
    client = engine.connect(timeout_seconds=_BUILD_WITHIN_SECONDS)
    with suppress(ImageNotFound):
        client.images.get(reference)
        return reference
    image_pull.missing(digests.bases(files["Dockerfile"].decode()), progress)
    progress(f"building the image {reference}")
    try:
        context = _context(files | fetch(client))
        client.images.build(fileobj=context, custom_context=True, tag=reference, rm=True, network_mode="none")
    except BuildError as error:
        said = "".join(str(line.get("stream", "")) for line in error.build_log if isinstance(line, dict))
        raise StackError(f"the image {reference} cannot be built: {error}\n{said[-800:]}") from error
    return reference


def _wheels(locked: str, client: DockerClient) -> dict[str, bytes]:
    """The packages for the engine's machine, from wherever this machine's pip takes them."""
    machine = MACHINES[client.version()["Arch"]]
    platforms = [word for each in _PLATFORMS for word in ("--platform", f"{each}_{machine}")]
    with tempfile.TemporaryDirectory() as folder:
        lock, wheels = Path(folder) / "packages.lock", Path(folder) / "wheels"
        lock.write_text(locked)
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary=:all:")
        try:
            done = subprocess.run(
                (*command, "--no-deps", f"--python-version={_PYTHON}", *platforms, "-d", str(wheels), "-r", str(lock)),
                capture_output=True,
                text=True,
                timeout=_BUILD_WITHIN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise StackError(
                f"the image's packages are not there after {_BUILD_WITHIN_SECONDS} s; pip keeps what it has: try again"
            ) from late
        if done.returncode:
            raise StackError(f"the image's packages cannot be fetched:\n{done.stderr.strip()[-800:]}")
        return {f"wheels/{wheel.name}": wheel.read_bytes() for wheel in wheels.iterdir()}


def _context(files: Mapping[str, bytes]) -> io.BytesIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    archive.seek(0)
    return archive
