"""What `systemctl show` says of services, read: the words of systemctl(1) and org.freedesktop.systemd1(5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.control.port import ProcessState, unknown
from chaos.errors import SignalUnavailable

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "FreezerState",
    "MainPID",
    "ExecMainStartTimestampMonotonic",
    "InvocationID",
    "ControlGroup",
)
_STATES = {
    "active": "RUNNING",
    "reloading": "RUNNING",
    "refreshing": "RUNNING",
    "activating": "STARTING",
    # Not STOPPING: that is a process known to be gone where there is no pid, and of other machines there is none.
    "deactivating": "DEACTIVATING",
    "inactive": "STOPPED",
    "failed": "STOPPED",
}
_NOT_THERE = frozenset(("not-found", "bad-setting", "error"))


@dataclass(frozen=True, slots=True)
class UnitState:
    """One service, as its systemd sees it."""

    told: dict[str, str]
    """Property → value; one that is empty, or that this systemd does not know, may be missing."""

    @property
    def main_pid(self) -> int:
        """Of its main process, on its own machine; 0 where it has none."""
        told = self.told.get("MainPID", "")
        return int(told) if told.isdecimal() else 0

    @property
    def failed(self) -> bool:
        """Whether systemd keeps in mind that it failed, and how often it was started lately."""
        return self.told.get("ActiveState") == "failed"

    @property
    def identity(self) -> str:
        """What the main process that it has now has, and the next one has not; all parts of it are one process's."""
        started = self.told.get("ExecMainStartTimestampMonotonic", "")
        return f"invocation {self.told.get('InvocationID', '')}, pid {self.main_pid} started at {started} us"

    def as_process(self, here: bool) -> ProcessState:
        """Its state; the pid is told where it is a process of this machine, in the unit's own control group."""
        active, sub = self.told.get("ActiveState", ""), self.told.get("SubState", "")
        if active in ("inactive", "failed") and self.told.get("LoadState") in _NOT_THERE:
            return unknown(f"systemd says that its unit is {self.told['LoadState']}")
        if active == "active" and sub == "exited":
            # As Debian's postgresql.service: whoever kills it kills nothing.
            return unknown("its unit is active and has no process: name the unit that runs it")
        if active not in _STATES:
            return unknown(f"systemd says {active!r}, which is no state that we know")
        return ProcessState(self._word(active, sub), self._pid_here() if here else 0)

    def _word(self, active: str, sub: str) -> str:
        if self.told.get("FreezerState", "").startswith("frozen"):  # by itself, or with the slice that it is in
            return "PAUSED"
        return "BACKOFF" if "auto-restart" in sub else _STATES[active]  # also in the moment before it

    def _pid_here(self) -> int:
        group = self.told.get("ControlGroup", "")
        try:
            lines = Path(f"/proc/{self.main_pid}/cgroup").read_text().splitlines()
        except OSError:
            return 0
        # Whoever asks the systemd of another namespace is told pids that are strangers' here, and faults signal them.
        ours = bool(group) and any(_is_below(line.split(":", 2)[2], group) for line in lines if line.count(":") > 1)
        return self.main_pid if ours else 0


def read(said: str, units: Sequence[str]) -> list[UnitState]:
    """What was said of each of these, in their order. Raises SignalUnavailable when that is not what was said."""
    found = list(_blocks(said))
    if len(found) != len(units) or not all("ActiveState" in one for one in found):
        raise SignalUnavailable(f"systemctl told of {len(found)} units, and was asked for {', '.join(units)}")
    return [UnitState(one) for one in found]


def _blocks(said: str) -> Iterator[dict[str, str]]:
    for block in said.strip().split("\n\n"):
        if told := dict(line.split("=", 1) for line in block.splitlines() if "=" in line):
            yield told


def _is_below(path: str, group: str) -> bool:
    return path == group or path.startswith(group.rstrip("/") + "/")
