"""What memory goes where: of processes, and of the kernel's for connections."""

import contextlib
import re
import resource
from collections.abc import Iterable
from pathlib import Path

import psutil


def resident_bytes(pids: Iterable[int]) -> int:
    """What these processes have in memory, pages that they share counted for each; those that ended have nothing."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total


def socket_buffers_bytes() -> int:
    """What data on its way takes in the kernel, of all TCP sockets. Raises OSError."""
    text = Path("/proc/net/sockstat").read_text()
    (pages,) = re.findall(r"^TCP: .* mem (\d+)$", text, re.MULTILINE)
    return int(pages) * resource.getpagesize()


def kernel_bytes() -> int:
    """What the kernel has for its own objects, sockets among them, and cannot give back. Raises OSError."""
    text = Path("/proc/meminfo").read_text()
    (kibibytes,) = re.findall(r"^SUnreclaim: *(\d+) kB$", text, re.MULTILINE)
    return int(kibibytes) * 1024
