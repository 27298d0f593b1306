"""The clocks a drill needs, behind one port so that unit tests never wait."""

import functools
import threading
import time
from pathlib import Path
from typing import Protocol


@functools.cache
def this_boot() -> str:
    """The kernel's random id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Clock(Protocol):
    """Time as the engine sees it; all in seconds."""

    def monotonic(self) -> float:
        """For deadlines; stops while the machine sleeps."""

    def wall(self) -> float:
        """Unix time, which may be set at any moment: to be told, and for nothing else."""

    def boottime(self) -> float:
        """For leases; goes on while the machine sleeps, and is the same in every process."""

    def boot_id(self) -> str:
        """Which boot of the machine `boottime` counts from."""

    def wait(self, seconds: float) -> None:
        """Let this much time pass."""

    def wait_unless(self, event: threading.Event, seconds: float) -> None:
        """Let this much time pass, or less if the event is set."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC."""
        return time.monotonic()

    def wall(self) -> float:
        """CLOCK_REALTIME."""
        return time.time()

    def boottime(self) -> float:
        """CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        """The kernel's random id of this boot."""
        return this_boot()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def wait_unless(self, event: threading.Event, seconds: float) -> None:
        """Sleep until then, or until the event is set."""
        event.wait(seconds)
