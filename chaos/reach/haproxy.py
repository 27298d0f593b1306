"""HAProxy's runtime API, on its admin socket."""

import csv
import socket
from pathlib import Path

from chaos.errors import SignalUnavailable

# Before the name of an instance's second server, which gets requests when no other server of the backend is up.
PANIC = "panic-"

# Bits of srv_admin_state (HAProxy's management guide, `show servers state`).
IN_MAINTENANCE = 0x01
DRAINED = 0x08

_TIMEOUT_SECONDS = 2.0


class HAProxy:
    """One running HAProxy. Calls raise SignalUnavailable when it gives no answer."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    def status(self, server: str) -> str | None:
        """Its word of `backend/server`: UP, DRAIN, `UP 1/3`, `no check`…; None when there is no such server."""
        return next((row["status"] for row in self.statistics() if f"{row['pxname']}/{row['svname']}" == server), None)

    def statistics(self) -> list[dict[str, str]]:
        """What it counts of each frontend, backend and server, by its own names."""
        return list(csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines()))

    def servers_of(self, server: str) -> tuple[str, ...]:
        """`backend/server`, and the second one that panic routing has for the same instance, where there is one."""
        second = second_server(server)
        return (server,) if self.status(second) is None else (server, second)

    def admin_state(self, server: str) -> int:
        """What was said of `backend/server`, whatever its checks say, in bits. SignalUnavailable: no such server."""
        return int(self._state(server)["srv_admin_state"])

    def address(self, server: str) -> str:
        """Where `backend/server` serves, as host:port. SignalUnavailable: no such server."""
        row = self._state(server)
        return f"{row['srv_addr']}:{row['srv_port']}"

    def ports(self, server: str) -> tuple[int, int]:
        """The port of `backend/server`, and the port where its health is checked. SignalUnavailable: no such server."""
        row = self._state(server)
        port = int(row["srv_port"])
        return port, int(row["srv_check_port"]) or port

    def tell(self, command: str) -> None:
        """Give it a command that answers nothing when it is obeyed."""
        if said := self._ask(command).strip():
            raise SignalUnavailable(f"HAProxy refuses `{command}`: {said}")

    def _state(self, server: str) -> dict[str, str]:
        _, head, *lines = self._ask(f"show servers state {server.partition('/')[0]}").splitlines()
        columns = head.removeprefix("# ").split()
        for row in (dict(zip(columns, line.split(), strict=False)) for line in lines if line):
            if f"{row['be_name']}/{row['srv_name']}" == server:
                return row
        raise SignalUnavailable(f"HAProxy does not tell the address of {server}")

    def _ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_TIMEOUT_SECONDS)
                connection.connect(str(self._socket_path))
                connection.sendall(f"{command}\n".encode())
                with connection.makefile("rb") as answer:
                    return answer.read().decode()
        except OSError as error:
            raise SignalUnavailable(f"HAProxy's socket does not answer: {type(error).__name__}: {error}") from error


def second_server(server: str) -> str:
    """What panic routing's second server of `backend/server` is called; not every HAProxy has one."""
    backend, _, name = server.partition("/")
    return f"{backend}/{PANIC}{name}"
