"""A quota of the CPU for some processes of this machine, by a cgroup: the cpu controller's version 1 or 2.

The kernel lets a group run for its share of each period and then stops it until the next. Who ends without closing a
group leaves an empty folder once its processes have ended, and no limit on anything else; `sweep` removes such folders.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.errors import ChaosError

PERIOD_US = 50_000
"""Of a quota. A tenth of a core is then 5 ms in 50: as fine as a scheduler that counts in ticks of 4 ms keeps."""
_NAME = "stormdrill-quota-"
_MOUNTS, _PROC = Path("/proc/mounts"), Path("/proc")


class QuotaUnavailable(ChaosError):
    """No group with a quota can be made here; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """How often the kernel has stopped a group."""

    periods: int
    """In which something of the group wanted to run."""
    throttled: int
    """Of these, in which it had used its share before the end."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Where groups with a quota can be made."""

    parent: Path
    """The folder that new groups are made in."""
    version: int
    """1 or 2."""
    root: Path
    """Where the controller is mounted; the paths in /proc/PID/cgroup begin there."""
    proc: Path = _PROC

    def group(self, name: str) -> "Group":
        """Make a group without a quota yet. Raises QuotaUnavailable."""
        folder = self.parent / f"{_NAME}{os.getpid()}-{name}"
        try:
            folder.mkdir()
        except OSError as error:
            raise QuotaUnavailable(f"{folder}: {error.strerror}: {_HELP}") from error
        return Group(folder, self)

    def sweep(self) -> int:
        """Remove the empty groups that earlier processes of ours have left; returns how many."""
        removed = 0
        for folder in self.parent.glob(f"{_NAME}*"):
            with contextlib.suppress(OSError):  # one with processes cannot be removed, and is in use
                folder.rmdir()
                removed += 1
        return removed

    def where(self, pid: int) -> Path:
        """The group that a process is in. Raises ProcessLookupError where there is no such process."""
        try:
            rows = (self.proc / str(pid) / "cgroup").read_text().splitlines()
        except FileNotFoundError as error:
            raise ProcessLookupError(pid) from error
        return self.root / _own(rows, self.version).lstrip("/")


_HELP = (
    "quotas need root and a writable cpu controller; in a container, mount its cgroup for writing (docker run "
    "--privileged --cgroupns=host), or run on the machine itself"
)


@dataclass(slots=True)
class Group:
    """One group; `close` sends its processes back to where they were and removes it."""

    folder: Path
    hierarchy: Hierarchy
    _came_from: dict[int, Path] = field(default_factory=dict)

    def limit(self, cores: float, period_us: int = PERIOD_US) -> None:
        """Let the group run for so much of a core, 0.1 or 2.5, from the next period on. Raises QuotaUnavailable."""
        quota = max(1000, round(cores * period_us))  # the kernel refuses less than a millisecond
        if self.hierarchy.version == 1:
            self._write("cpu.cfs_quota_us", "-1")  # a period is refused that makes too much of the quota that is there
            self._write("cpu.cfs_period_us", str(period_us))
            self._write("cpu.cfs_quota_us", str(quota))
        else:
            self._write("cpu.max", f"{quota} {period_us}")

    def take(self, pids: Iterable[int]) -> None:
        """Move processes into the group, with all their threads. Raises QuotaUnavailable where one cannot be moved."""
        for pid in pids:
            try:
                came_from = self.hierarchy.where(pid)
            except ProcessLookupError as error:
                raise QuotaUnavailable(f"process {pid} has ended") from error
            self._write("cgroup.procs", str(pid))
            self._came_from.setdefault(pid, came_from)

    def pids(self) -> list[int]:
        """Who is in the group, children that were born there included."""
        return [int(line) for line in (self.folder / "cgroup.procs").read_text().split()]

    def throttled(self) -> Throttled:
        """How often it was stopped since it was made."""
        rows = (line.split() for line in (self.folder / "cpu.stat").read_text().splitlines())
        told = {row[0]: int(row[1]) for row in rows if len(row) == 2}
        return Throttled(told.get("nr_periods", 0), told.get("nr_throttled", 0))

    def close(self) -> None:
        """Send its processes back, and remove it. Safe to call twice. Raises OSError where it cannot be removed."""
        if not self.folder.exists():
            return
        for pid in self.pids():
            # A child that was born here goes where the others came from.
            back = self._came_from.get(pid) or next(iter(self._came_from.values()), self.hierarchy.parent)
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                (back / "cgroup.procs").write_text(str(pid))
        self.folder.rmdir()

    def _write(self, name: str, text: str) -> None:
        try:
            (self.folder / name).write_text(text)
        except OSError as error:
            raise QuotaUnavailable(f"{self.folder / name}: {error.strerror}: {_HELP}") from error


def find(mounts: Path = _MOUNTS, proc: Path = _PROC) -> Hierarchy:
    """The hierarchy that a group with a quota can be made in, tried by making one.

    Raises QuotaUnavailable with the reason of each that was tried.
    """
    reasons = []
    for version, root in _mounted(mounts):
        own = root / _own((proc / "self" / "cgroup").read_text().splitlines(), version).lstrip("/")
        # Version 2 gives no controller to the children of a group that has processes itself, so theirs may be an
        # ancestor's; in a container the path in /proc may be the machine's, which is not mounted here.
        for parent in (own, *own.parents):
            if parent.is_dir() and parent.is_relative_to(root):
                hierarchy = Hierarchy(parent, version, root, proc)
                if not (reason := _refuses(hierarchy)):
                    return hierarchy
                reasons.append(reason)
    raise QuotaUnavailable("; ".join(reasons) or f"the cpu controller is not mounted: {_HELP}")


@contextlib.contextmanager
def closing(groups: Sequence[Group]) -> Iterator[Sequence[Group]]:
    """Close all of them at the end, each whatever becomes of the others. Raises the first OSError."""
    with contextlib.ExitStack() as stack:
        for group in groups:
            stack.callback(group.close)
        yield groups


def _mounted(mounts: Path) -> list[tuple[int, Path]]:
    """Version 1 first: where both are there, the controller is its."""
    rows = [line.split() for line in mounts.read_text().splitlines()]
    first = [(1, Path(row[1])) for row in rows if row[2] == "cgroup" and "cpu" in row[3].split(",")]
    return first or [(2, Path(row[1])) for row in rows if row[2] == "cgroup2"]


def _own(rows: Sequence[str], version: int) -> str:
    """A process's group by /proc/PID/cgroup, as `4:cpu,cpuacct:/a` in version 1 and `0::/a` in version 2."""
    for row in rows:
        number, controllers, path = row.split(":", 2)
        if (number == "0") if version == 2 else ("cpu" in controllers.split(",")):
            return path
    return "/"


def _refuses(hierarchy: Hierarchy) -> str:
    """Why no group with a quota can be made there; empty where one was made and removed."""
    if hierarchy.version == 2:
        with contextlib.suppress(OSError):
            (hierarchy.parent / "cgroup.subtree_control").write_text("+cpu")
    try:
        group = hierarchy.group("probe")
    except QuotaUnavailable as refused:
        return str(refused)
    try:
        group.limit(0.5)
    except QuotaUnavailable as refused:
        return str(refused)
    finally:
        _remove(group.folder)
    return ""


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
