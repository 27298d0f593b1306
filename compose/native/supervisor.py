"""Talks to the stack's supervisord over its Unix socket, with a deadline on every call."""

import http.client
import socket
import xml.parsers.expat
import xmlrpc.client
from pathlib import Path
from typing import Any

from compose.manager import ProcessState


class Supervisor:
    """One stack's process manager. Calls raise OSError when it refuses, or does not answer in `timeout_seconds`."""

    def __init__(self, socket_path: Path, timeout_seconds: float = 3.0) -> None:
        self._socket_path = socket_path
        self._timeout_seconds = timeout_seconds

    def processes(self) -> list[ProcessState]:
        """Every program's state."""
        now = [dict(row) for row in self._call("getAllProcessInfo")]
        return [
            ProcessState(row["name"], row["statename"], row["pid"], row["now"] - row["start"] if row["pid"] else 0)
            for row in now
        ]

    def start(self, name: str) -> None:
        """Ask for a start and return at once; a program that already runs is left alone."""
        try:
            self._call("startProcess", name, False)
        except OSError as error:
            if "ALREADY_STARTED" not in str(error):
                raise

    def stop(self, name: str) -> None:
        """Ask a program to stop and return at once; one that does not run is left alone."""
        try:
            self._call("stopProcess", name, False)
        except OSError as error:
            if "NOT_RUNNING" not in str(error):
                raise

    def stop_all(self) -> None:
        """Ask every program to stop, all at the same time, and return at once."""
        self._call("stopAllProcesses", False)

    def shutdown(self) -> None:
        """Ask supervisord itself to end."""
        self._call("shutdown")

    def answers(self) -> bool:
        """Whether supervisord is there and well."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except OSError:
            return False

    def _call(self, method: str, *arguments: Any) -> Any:
        with xmlrpc.client.ServerProxy(
            "http://localhost/RPC2", transport=_UnixTransport(self._socket_path, self._timeout_seconds)
        ) as proxy:
            try:
                return getattr(proxy.supervisor, method)(*arguments)
            except (http.client.HTTPException, xmlrpc.client.Error, xml.parsers.expat.ExpatError) as error:
                # It refuses, or ended while it answered.
                raise OSError(f"supervisord: {method}: {error}") from error


class _UnixTransport(xmlrpc.client.Transport):
    # supervisor's own transport has no time-out: a stopped supervisord would hang `down` for ever.
    def __init__(self, socket_path: Path, timeout_seconds: float) -> None:
        super().__init__()
        self._connect_to = (socket_path, timeout_seconds)

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(*self._connect_to)
        self._connection = host, connection  # what the base class closes
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, socket_path: Path, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(str(self._socket_path))
        except OSError:
            self.sock.close()
            raise
