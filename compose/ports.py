"""Checks that the stack's ports are free, and says who holds one that is not."""

import errno
import socket

import psutil


def taken(ports: dict[int, str]) -> list[str]:
    """One line for each port that somebody listens on: port, for what it is needed, and its owner."""
    return [
        f"port {port} (for {name}) is taken by {_owner(port)}" for port, name in sorted(ports.items()) if _in_use(port)
    ]


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port whose old connections linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def _owner(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (pid {process.pid}, user {process.username()})"
            except psutil.Error:
                return f"pid {connection.pid}"
    return "a process of another user, or by a connection that is still closing"
