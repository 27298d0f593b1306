"""Pins the official images: a lock file with their digests, which `make image-digests` writes where there is a network.

Without the file an image is what its tag says on that day.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from docker.errors import DockerException

from compose.containers import engine
from compose.containers.container_spec import COMPOSE_FILE
from compose.containers.images import Image
from compose.stack import StackError
from compose.tools import MissingTool

_HEAD = "# Official image and its digest, for every architecture. Written by `make image-digests`; do not edit.\n"
_LINE = re.compile(r"(?P<reference>[\w./-]+:[\w.-]+) (?P<digest>sha256:[0-9a-f]{64})")
_FROM = re.compile(r"^FROM (\S+)", flags=re.MULTILINE)

_FOR_SERVICES = "Dockerfile"
FOR_TOXIPROXY = "toxiproxy.Dockerfile"


class InvalidLock(StackError):
    """The lock file is broken, or of other images than those that are named; the message says what to do."""


def lock_file() -> Path:
    """Where the digests are; STORMDRILL_IMAGES_LOCK names another file, which need not be there."""
    return Path(os.environ.get("STORMDRILL_IMAGES_LOCK") or COMPOSE_FILE.with_name("images.lock"))


def locked() -> dict[str, str]:
    """Reference → digest, as the lock file says; empty where there is none. Raises InvalidLock."""
    file = lock_file()
    if not file.exists():
        return {}
    digests = parse(file.read_text())
    if missing := sorted(named() - digests.keys()):
        raise InvalidLock(f"{file} lacks {', '.join(missing)}; `make image-digests` writes it anew")
    return digests


def parse(text: str) -> dict[str, str]:
    """Reference → digest. Raises InvalidLock, which names the line."""
    digests: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#"):
            found = _LINE.fullmatch(line)
            if found is None or found["reference"] in digests:
                raise InvalidLock(f"line {number} of the images' lock is no image and digest, or a second one: {line}")
            digests[found["reference"]] = found["digest"]
    return digests


def text(digests: Mapping[str, str]) -> str:
    """The lock file."""
    return _HEAD + "".join(f"{reference} {digest}\n" for reference, digest in sorted(digests.items()))


def named() -> set[str]:
    """Every official image that compose.yaml and the Dockerfiles name."""
    return set(by_service().values()).union(*(bases(_dockerfile(name)) for name in (_FOR_SERVICES, FOR_TOXIPROXY)))


def bases(dockerfile: str) -> set[str]:
    """The official images that a Dockerfile begins with."""
    return set(_FROM.findall(dockerfile)) - {"scratch"}


def by_service() -> dict[str, str]:
    """Service → its official image; those that are built here have none."""
    services = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    return {name: service["image"] for name, service in services.items() if "image" in service}


def services() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml, their official images with digests if there is a lock file. Raises InvalidLock."""
    digests = locked()
    written: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    pins = {name: {"image": _pinned(reference, digests)} for name, reference in by_service().items()}
    return {name: service | pins.get(name, {}) for name, service in written.items()}


def pinned(images: Mapping[str, Image]) -> dict[str, Image]:
    """The roles' images, the official ones with their digests where there is a lock file. Raises InvalidLock."""
    digests = locked()
    roles = {role: image for name, image in by_service().items() for role in (name, name.removesuffix("-1"))}
    official = {role: roles[role] for role in images if role in roles and digests}
    return dict(images) | {
        role: replace(images[role], reference=_pinned(reference, digests)) for role, reference in official.items()
    }


def pinned_dockerfile(name: str = _FOR_SERVICES) -> str:
    """A Dockerfile, made of what the lock file says, where there is one. Raises InvalidLock."""
    text, digests = _dockerfile(name), locked()
    pins = {reference: _pinned(reference, digests) for reference in bases(text)}
    return _FROM.sub(lambda found: f"FROM {pins.get(found[1], found[1])}", text)


def ask(references: Iterable[str]) -> dict[str, str]:
    """Reference → digest, as the engine hears it from the registry. Raises MissingTool and OSError."""
    client = engine.connect(timeout_seconds=60)
    try:
        return {each: client.images.get_registry_data(each).id for each in sorted(references)}
    except DockerException as error:
        raise OSError(f"the registry does not say: {error}") from error


def _pinned(reference: str, digests: Mapping[str, str]) -> str:
    return f"{reference}@{digests[reference]}" if digests else reference


def _dockerfile(name: str) -> str:
    return COMPOSE_FILE.with_name(name).read_text()


def main() -> int:
    """Write the lock file; 2 where the digests cannot be had, and then nothing is written."""
    try:
        digests = ask(named())
    except (MissingTool, OSError) as error:
        print(f"image-digests: {error}; compose/images.lock is as it was", file=sys.stderr)
        return 2
    lock_file().write_text(text(digests))
    print(f"{lock_file()}: {len(digests)} images; `make compose-file` has them in the self-contained file")
    return 0


if __name__ == "__main__":
    sys.exit(main())
