"""Processes under a supervisord, reached over its Unix socket."""

import contextlib
import http.client
import signal
import socket
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

import psutil

from chaos.control.port import ProcessState, alive, all_frozen, family, signal_all
from chaos.errors import FaultFailed, SignalUnavailable

CALL_TIMEOUT_SECONDS = 3.0
_GONE_WITHIN_SECONDS = 5.0
_FROZEN_WITHIN_SECONDS = 2.0


class SupervisorControl:
    """ProcessControl by a supervisord; an instance is one of its programs."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    def states(self) -> dict[str, ProcessState]:
        return {row["name"]: ProcessState(row["statename"], row["pid"]) for row in self._call("getAllProcessInfo")}

    def kill(self, instance: str) -> int:
        """Waits until no process of it is left, FaultFailed after 5 s."""
        pid = self._pid(instance, "killed")
        # Frozen first: supervisord must be told to keep it down, and does so with a SIGTERM, on which a
        # running server would drain politely. A frozen one never sees it, as SIGKILL comes before.
        members = self._freeze(instance, pid)
        self._stop(instance)
        self._end(instance, pid, members)
        return pid

    def start(self, instance: str) -> None:
        """First deals with what a half-done kill left frozen."""
        state = self.states()[instance]
        if all_frozen(members := family(state.pid)):
            signal_all(members, signal.SIGKILL if state.state == "STOPPING" else signal.SIGCONT)
        if state.state == "BACKOFF":
            # After several crashes it waits for seconds, and takes a process that it waits for as started.
            self._stop(instance)
        try:
            self._call("startProcess", instance, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise SignalUnavailable(f"supervisord cannot start {instance}: {fault.faultString}") from fault

    def crash(self, instance: str) -> int:
        """Waits until no process of it is left, FaultFailed after 5 s."""
        pid = self._pid(instance, "killed")
        # Frozen first, so that nothing of it notices the death of another part, and nothing new is born.
        self._end(instance, pid, self._freeze(instance, pid))
        return pid

    def stop(self, instance: str) -> None:
        """After 6 s supervisord kills what has not ended."""
        self._stop(instance)

    def pause(self, instance: str) -> None:
        """FaultFailed when it is not frozen within 2 s."""
        self._freeze(instance, self._pid(instance, "frozen"))

    def resume(self, instance: str) -> None:
        signal_all(family(self.states()[instance].pid), signal.SIGCONT)

    def paused(self, instance: str) -> bool:
        return all_frozen(family(self.states()[instance].pid))

    def _pid(self, instance: str, what: str) -> int:
        pid = self.states()[instance].pid
        if not pid:
            raise FaultFailed(f"{instance} does not run, so it cannot be {what}")
        return pid

    def _freeze(self, instance: str, pid: int) -> list[psutil.Process]:
        deadline = time.monotonic() + _FROZEN_WITHIN_SECONDS
        signal_all(family(pid), signal.SIGSTOP)
        # One may be born between the look and the signal, and a signal takes a moment to arrive.
        while not all_frozen(members := family(pid)):
            if not members:
                raise FaultFailed(f"{instance} (process group {pid}) ended by itself")
            if time.monotonic() > deadline:
                signal_all(members, signal.SIGCONT)
                raise FaultFailed(f"{instance} (process group {pid}) does not freeze")
            signal_all(members, signal.SIGSTOP)
            time.sleep(0.01)
        return members

    def _end(self, instance: str, pid: int, members: list[psutil.Process]) -> None:
        signal_all(members, signal.SIGKILL)
        deadline = time.monotonic() + _GONE_WITHIN_SECONDS
        while alive(members) or family(pid):
            if time.monotonic() > deadline:
                raise FaultFailed(f"{instance} (process group {pid}) outlives SIGKILL by {_GONE_WITHIN_SECONDS:g} s")
            time.sleep(0.01)

    def _stop(self, instance: str) -> None:
        with contextlib.suppress(xmlrpc.client.Fault):  # NOT_RUNNING: it ended by itself
            self._call("stopProcess", instance, False)

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = _UnixTransport(self._socket_path)
        with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport) as proxy:
            try:
                return getattr(proxy.supervisor, method)(*arguments)
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise SignalUnavailable(f"supervisord does not answer: {type(error).__name__}: {error}") from error


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
