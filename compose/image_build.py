"""Builds the two images of our own, once for each content."""

import hashlib
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from functools import partial

from docker.errors import BuildError, ImageNotFound
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from compose import engine
from compose.images import SERVICES, TOXIPROXY
from compose.settings import ROOT
from compose.stack import Progress, StackError
from compose.tools import find_one

_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
_TOXIPROXY_FILE = b'FROM scratch\nCOPY toxiproxy-server /toxiproxy\nUSER 65534:65534\nENTRYPOINT ["/toxiproxy"]\n'


def services(progress: Progress) -> str:
    """The reference of the services' image; builds it where it is missing. Raises StackError."""
    code = (ROOT / "services").rglob("*")
    files = {str(file.relative_to(ROOT)): file.read_bytes() for file in code if file.suffix in (".py", ".sql")}
    files |= {"Dockerfile": (ROOT / "compose" / "Dockerfile").read_bytes(), "services.lock": services_lock().encode()}
    return _image(SERVICES, files, progress)


def toxiproxy(progress: Progress) -> str:
    """The reference of Toxiproxy's image; builds it where it is missing. Raises StackError, MissingTool."""
    program = find_one("toxiproxy-server").read_bytes()
    return _image(TOXIPROXY, {"Dockerfile": _TOXIPROXY_FILE, "toxiproxy-server": program}, progress)


def services_lock() -> str:
    """The part of requirements.lock that the services need, hashes included."""
    locked = _locked((ROOT / "requirements.lock").read_text())
    wanted = (ROOT / "services" / "requirements.txt").read_text().splitlines()
    names = closure([Requirement(line) for line in wanted if line and not line.startswith("#")])
    return "".join(locked[name] for name in sorted(names & locked.keys()))


def closure(wanted: list[Requirement]) -> set[str]:
    """The names of what is wanted and of all that it needs here, as this environment's packages say."""
    found: set[tuple[str, str]] = set()
    left = [(canonicalize_name(each.name), extra) for each in wanted for extra in ("", *each.extras)]
    while left:
        name, extra = left.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for needed in map(Requirement, importlib.metadata.requires(name) or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                left += [(canonicalize_name(needed.name), more) for more in ("", *needed.extras)]
    return {name for name, _ in found}


def _locked(lock: str) -> dict[str, str]:
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return {canonicalize_name(re.split(r"[=\[]", each, maxsplit=1)[0]): each for each in entries if "==" in each}


def _image(repository: str, files: Mapping[str, bytes], progress: Progress) -> str:
    digest = hashlib.sha256(b"\0".join(word for name in sorted(files) for word in (name.encode(), files[name])))
    reference = f"{repository}:{digest.hexdigest()[:12]}"
    client = engine.connect(timeout_seconds=600)
    try:
        client.images.get(reference)
    except ImageNotFound:
        progress(f"building the image {reference}")
        try:
            client.images.build(
                fileobj=_context(files),
                custom_context=True,
                tag=reference,
                buildargs=dict(_indexes()),
                network_mode="host",  # an index may be on loopback
                rm=True,
            )
        except BuildError as error:
            said = "".join(line.get("stream", "") for line in error.build_log)
            raise StackError(f"the image {reference} cannot be built: {error}\n{said[-800:]}") from error
    return reference


def _context(files: Mapping[str, bytes]) -> io.BytesIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    archive.seek(0)
    return archive


def _indexes() -> Iterator[tuple[str, str]]:
    configured = partial(_pip_setting, _pip_config())
    for variable in _INDEXES:
        if value := os.environ.get(variable) or configured(variable):
            yield variable, value


def _pip_setting(config: str, variable: str) -> str:
    key = variable.removeprefix("PIP_").lower().replace("_", "-")
    found = re.search(rf"^(?:global|install)\.{key}='(.*)'$", config, flags=re.MULTILINE)
    return found[1] if found else ""


def _pip_config() -> str:
    command = (sys.executable, "-m", "pip", "config", "list")
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
