"""What the stack needs of a container engine and of Docker Compose; each thing that lacks is refused in one line."""

import re
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""The engines' machines that images are made for, as Docker and as Python call them."""
_COMPOSE = (2, 20)
_API = (1, 41)
"""Docker Engine 20.10, the first that knows `host-gateway`."""
_ELSE = "or use RUNTIME=native"
_ROOTLESS_SOCKET = re.compile(r"/run/user/\d+/docker\.sock")
"""Where a rootless engine listens."""
_DESKTOPS_SOCKET = re.compile(r".*/\.docker/desktop/docker\.sock")
"""Where Docker Desktop listens on Linux."""
_DESKTOP = (
    "Docker Desktop runs containers in a virtual machine of its own, whose networks and files are not this machine's; "
    f"use Docker Engine (`docker context use default`, where it is installed), {_ELSE}"
)


def refusal(version: Mapping[str, Any], info: Mapping[str, Any], this_system: str = sys.platform) -> str:
    """Why the stack cannot run on the engine that answers /version and /info like this; empty where it can."""
    components = [str(each.get("Name", "")) for each in version.get("Components") or ()]
    security = {word for each in info.get("SecurityOptions") or () for word in str(each).split(",")}
    number, machine = str(version.get("Version", "?")), str(version.get("Arch", "?"))
    if any(name.startswith("Podman") for name in components):
        return f"this engine is Podman {number}, which the stack was not made for; use Docker Engine, {_ELSE}"
    if (system := version.get("Os", "linux")) != "linux":
        return f"Docker runs {system} containers, and the stack's are for Linux; switch it to Linux containers"
    if "name=rootless" in security or "name=userns" in security:
        return _refused_as("rootless" if "name=rootless" in security else "with userns-remap")
    if "name=selinux" in security:
        return (
            "Docker confines containers by SELinux: they could not read the state folder, whose files have no label for"
            f" them; use a Docker Engine without `selinux-enabled` (in /etc/docker/daemon.json), {_ELSE}"
        )
    if "Docker Desktop" in str(info.get("OperatingSystem", "")) and this_system == "linux":
        return _DESKTOP
    if machine not in MACHINES:
        return f"Docker's machine is {machine}, and images are made for {' and '.join(MACHINES)}; {_ELSE[3:]}"
    if (api := _number(str(version.get("ApiVersion", "")))) is not None and api < _API:
        return f"Docker Engine {number} is too old; use 20.10 or newer, {_ELSE}"
    return ""


def other_machine(host: str) -> str:
    """Why the engine at this address (a DOCKER_HOST) cannot be used; empty where it is one of this machine."""
    address = urlsplit(host)
    if address.scheme in ("", "unix", "npipe") or (address.scheme != "ssh" and _loops_back(address.hostname or "")):
        return ""
    return (
        f"Docker's engine is on another machine ({host}), where this machine's folders and loopback are not;"
        f" run stormdrill there, or unset DOCKER_HOST and DOCKER_CONTEXT, {_ELSE}"
    )


def other_engine(of_command: str, of_library: str) -> str:
    """Why two clients of Docker that are told of these addresses cannot both be used; empty where they agree."""
    if _socket(of_command) == _socket(of_library):
        return ""
    if _ROOTLESS_SOCKET.fullmatch(_socket(of_command)):
        # Before anybody is sent there, to be refused by what the engine says.
        return f"the docker command's present context is at {of_command}: {_refused_as('rootless')}"
    if _DESKTOPS_SOCKET.fullmatch(_socket(of_command)):
        return f"the docker command's present context is at {of_command}: {_DESKTOP}"
    return f"the docker command's present context is at {of_command}; say so to all: export DOCKER_HOST={of_command}"


def _refused_as(kind: str) -> str:
    return (
        f"Docker runs {kind}: its containers are other users on this machine, and cannot write the state folder;"
        f" use a Docker Engine that runs as root and without it, {_ELSE}"
    )


def compose_refusal(said: str) -> str:
    """Why a Docker Compose that calls itself this version cannot be used; empty where it can.

    A build that has no number is taken: it is not old.
    """
    number = _number(said)
    if number is None or number >= _COMPOSE:
        return ""
    wanted = ".".join(map(str, _COMPOSE))
    return f"docker compose: version {said} is too old; install {wanted} or newer, the package docker-compose-plugin"


def _number(text: str) -> tuple[int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2])) if found else None


def _loops_back(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _socket(host: str) -> str:
    # As the docker command and as the library write the same default.
    return re.sub(r"^(http\+)?unix:/*", "/", host)
