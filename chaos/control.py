"""How the processes of a stack are looked at, killed and started."""

import contextlib
import http.client
import os
import signal
import socket
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from chaos.errors import FaultFailed, SignalUnavailable

CALL_TIMEOUT_SECONDS = 3.0
_GONE_WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One instance as its process manager and the kernel see it."""

    state: str
    """The manager's word, such as RUNNING or STOPPED."""
    pid: int
    """The leader of its process group; 0 while it does not run."""

    @property
    def running(self) -> bool:
        """Whether it runs, as its manager says."""
        return self.state == "RUNNING"

    @property
    def kept_down(self) -> bool:
        """Whether it was told to stop, so that its manager will not start it by itself, and has no process left.

        supervisord notices a death only at its next round, up to a second later: STOPPING until then.
        """
        return self.state == "STOPPED" or (self.state == "STOPPING" and not group_members(self.pid))


class ProcessControl(Protocol):
    """What the attacker can do to processes. Calls raise SignalUnavailable when the manager gives no answer."""

    def states(self) -> dict[str, ProcessState]:
        """Every instance's state, by its name."""

    def kill(self, instance: str) -> int:
        """SIGKILL the instance's process group and keep it down; returns the pid that was killed."""

    def start(self, instance: str) -> None:
        """Ask for it to run again; safe to repeat, does not wait."""


class SupervisorControl:
    """Processes under a supervisord, reached over its Unix socket."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    def states(self) -> dict[str, ProcessState]:
        """Every program's state."""
        return {row["name"]: ProcessState(row["statename"], row["pid"]) for row in self._call("getAllProcessInfo")}

    def kill(self, instance: str) -> int:
        """SIGKILL the group and have supervisord keep it stopped.

        Waits until no process of it is left; raises FaultFailed when it did not run or is there after 5 s.
        """
        pid = self.states()[instance].pid
        if not pid:
            raise FaultFailed(f"{instance} does not run, so it cannot be killed")
        # Frozen first: supervisord must be told to keep it down, and does so with a SIGTERM, on which a
        # running server would drain politely. A frozen one never sees it, as SIGKILL comes before.
        os.killpg(pid, signal.SIGSTOP)
        with contextlib.suppress(xmlrpc.client.Fault):  # NOT_RUNNING: it ended by itself meanwhile
            self._call("stopProcess", instance, False)
        os.killpg(pid, signal.SIGKILL)
        deadline = time.monotonic() + _GONE_WITHIN_SECONDS
        while group_members(pid):
            if time.monotonic() > deadline:
                raise FaultFailed(f"{instance} (process group {pid}) outlives SIGKILL by {_GONE_WITHIN_SECONDS:g} s")
            time.sleep(0.01)
        return pid

    def start(self, instance: str) -> None:
        """Ask supervisord to start it; first ends what a half-done kill left frozen."""
        state = self.states()[instance]
        if state.state == "STOPPING" and state.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(state.pid, signal.SIGKILL)
        try:
            self._call("startProcess", instance, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise SignalUnavailable(f"supervisord cannot start {instance}: {fault.faultString}") from fault

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = _UnixTransport(self._socket_path)
        with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport) as proxy:
            try:
                return getattr(proxy.supervisor, method)(*arguments)
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise SignalUnavailable(f"supervisord does not answer: {type(error).__name__}: {error}") from error


def group_members(process_group: int) -> list[int]:
    """Pids of the group's processes that are not zombies."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == process_group and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process.pid)
    return members


class _UnixTransport(xmlrpc.client.Transport):
    # supervisor's own transport has no time-out: a frozen supervisord would hang an undo for ever.
    def __init__(self, socket_path: Path) -> None:
        super().__init__()
        self._socket_path = socket_path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._socket_path)
        self._connection = host, connection  # what the base class closes
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, socket_path: Path) -> None:
        super().__init__("localhost", timeout=CALL_TIMEOUT_SECONDS)
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(str(self._socket_path))
        except OSError:
            self.sock.close()
            raise
