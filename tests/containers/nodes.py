"""More machines for a Swarm: engines in network namespaces of their own, on a bridge of the tests' own."""

import contextlib
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.containers import machine

MANAGER = "10.213.0.1"
"""The first machine's address on the bridge."""
_NETWORK = "10.213.0"
_BRIDGE = "stormdrill-br"


@contextlib.contextmanager
def bridge() -> Iterator[None]:
    """The network of all of them; this machine is on it."""
    _ip("link", "add", _BRIDGE, "type", "bridge")
    # Docker has what passes a bridge be filtered like what is routed, and refuses that.
    passing = ("FORWARD", "-i", _BRIDGE, "-o", _BRIDGE, "-j", "ACCEPT")
    try:
        _ip("addr", "add", f"{MANAGER}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        _run("iptables", "-I", *passing)
        yield
    finally:
        subprocess.run(("iptables", "-D", *passing), capture_output=True, check=False)
        _ip("link", "del", _BRIDGE)


@contextlib.contextmanager
def joined(folders: dict[int, Path], manager: str, images: list[str]) -> Iterator[None]:
    """A machine for each number, with these images, in the Swarm of `manager`; they leave it afterwards."""
    with contextlib.ExitStack() as stack:
        hosts = {number: stack.enter_context(_node(folder, number)) for number, folder in folders.items()}
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: _copy(images, manager, host), hosts.values()))
        token = _docker(manager, "swarm", "join-token", "--quiet", "worker")
        for number, host in hosts.items():
            address = f"{_NETWORK}.{number}"
            _docker(host, "swarm", "join", "--token", token, "--advertise-addr", address, f"{MANAGER}:2377")
        yield
        for host in hosts.values():
            _docker(host, "swarm", "leave")


@contextlib.contextmanager
def _node(folder: Path, number: int) -> Iterator[str]:
    """An engine in a namespace; yields its DOCKER_HOST."""
    name, here = f"stormdrill-{number}", f"sd-veth-{number}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", here, "master", _BRIDGE, "up")
        _ip("-n", name, "addr", "add", f"{_NETWORK}.{number}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", name, "link", "set", link, "up")
        with machine.engine(folder, ("nsenter", f"--net=/run/netns/{name}")) as host:
            yield host
    finally:
        _ip("netns", "del", name)


def _copy(images: list[str], source: str, destination: str) -> None:
    with subprocess.Popen(("docker", "--host", source, "save", *images), stdout=subprocess.PIPE) as saved:
        command = ("docker", "--host", destination, "load")
        subprocess.run(command, stdin=saved.stdout, check=True, capture_output=True, timeout=300)
    if saved.returncode:
        raise RuntimeError(f"{', '.join(images)} could not be copied")


def _docker(host: str, *arguments: str) -> str:
    return _run("docker", "--host", host, *arguments)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()
