"""The limits of this machine that decide what it can carry, each with how it is raised."""

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.machine import cgroup

_PAGE_MIB = resource.getpagesize() / 2**20


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit."""

    name: str
    """One of `LIMITS` of chaos/spec/claims/claim.py."""
    value: float
    how: str
    """How it is raised, in words or as a command."""


def limits() -> list[Limit]:
    """All of them, as they are now; what this machine does not say is left out."""
    found = [
        _of("cores", _cores, "give the machine or container more cores"),
        _of("memory_mib", _memory, "end what else runs, or give the machine more memory"),
        _of(
            "open_files",
            _open_files,
            "`ulimit -Hn 1048576` as root; LimitNOFILE= of a service, --ulimit in containers",
        ),
        _of("ephemeral_ports", _ports, 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"'),
        _of("somaxconn", _somaxconn, "sysctl -w net.core.somaxconn=4096"),
        _of("tcp_memory_mib", _tcp_memory, 'sysctl -w net.ipv4.tcp_mem="LOW PRESSURE MOST", each in pages'),
        _of("cpu_quotas", _cpu_quotas, "be root where /sys/fs/cgroup can be written to; mount it so into a container"),
    ]
    return [limit for limit in found if limit is not None]


def raise_open_files() -> None:
    """Let this process and those that it starts open as many files as the hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _of(name: str, read: Callable[[], float], how: str) -> Limit | None:
    try:
        return Limit(name, float(read()), how)
    except (OSError, ValueError, StopIteration):
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _memory() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) / 1024


def _open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def _ports() -> int:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return last - first + 1


def _somaxconn() -> int:
    return int(Path("/proc/sys/net/core/somaxconn").read_text())


def _tcp_memory() -> float:
    return int(Path("/proc/sys/net/ipv4/tcp_mem").read_text().split()[2]) * _PAGE_MIB


def _cpu_quotas() -> int:
    """1 where groups with a quota of CPU can be made, 0 where not."""
    try:
        cgroup.find()
    except cgroup.QuotaUnavailable:
        return 0
    return 1
