"""What this machine lets one process have: open files, memory, cores."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

_NR_OPEN = Path("/proc/sys/fs/nr_open")


@dataclass(frozen=True, slots=True)
class Limits:
    """As HAProxy's size is made of them."""

    files: int
    """Open files of one process: the hard limit, to which HAProxy raises its own."""
    memory_bytes: int
    """That users' connections may take."""
    cores: int = 0
    """Those that a process may use; 0: not known, HAProxy counts them itself."""


CONTAINER = Limits(files=16_384, memory_bytes=320 * 2**20)
"""Of HAProxy's container: compose.yaml allows it 512 MiB, and every engine that the stack was tried with the files."""
_MEMORY_SHARE = 0.25


def of_this_machine() -> Limits:
    """Of this process, which are those of all that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = int(_NR_OPEN.read_text()) if hard == resource.RLIM_INFINITY else hard
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Limits(files, int(_MEMORY_SHARE * memory), len(os.sched_getaffinity(0)))
