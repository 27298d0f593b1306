"""What the TCP sockets of a process have received, as the kernel counts it (Linux, sock_diag(7)).

Of a connection that has ended the kernel keeps no count, but that there was one, for a minute (TIME_WAIT).
"""

import ctypes
import os
import socket
import struct
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import Unmeasurable

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/tcp.h
_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBBBI48x")
_INFO = 2
_ESTABLISHED, _TIME_WAIT, _LISTEN = 1, 6, 10  # net/tcp_states.h
_STATES = 1 << _ESTABLISHED | 1 << _TIME_WAIT | 1 << _LISTEN
_PORTS = struct.Struct("!HH")
_STATE_AT, _PORTS_AT, _INODE_AT, _ATTRIBUTES_AT = 17, 20, 84, 88  # from the beginning of a message
_RECEIVED = struct.Struct("=Q")
_RECEIVED_AT = 128  # tcpi_bytes_received in tcp_info
_NEW_NETWORK = 0x40000000
_BUFFER_BYTES = 1 << 17
_WITHIN_SECONDS = 2.0
ENDED_BYTES = 100.0
"""What a connection that has ended counts as: less than any request, more than what keeps a connection open."""


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket: of a connection, of one that has ended, or one that listens."""

    state: int
    inode: int
    """No other has it while this one lives; 0 of a connection that has ended."""
    port: int
    """Its own."""
    peer: int
    """The other end's."""
    received: int
    """Bytes."""


def of_network(pid: int) -> list[Socket]:
    """All in the network namespace of a process. Raises Unmeasurable when that cannot be looked into from here."""
    if not sys.platform.startswith("linux"):
        raise Unmeasurable(f"{sys.platform} does not tell what a connection received")
    try:
        return list(_dump()) if _namespace(pid) == _namespace(os.getpid()) else _inside(pid)
    except OSError as error:
        raise Unmeasurable(f"the connections of process {pid} cannot be looked at: {error}") from error


def came_in(sockets: Iterable[Socket], ports: Collection[int]) -> dict[str, float]:
    """What came in at these ports, a counter for each connection; one that has ended counts as a short request."""
    found: dict[str, float] = {}
    for one in sockets:
        if one.state == _ESTABLISHED and one.port in ports:
            found[str(one.inode)] = float(one.received)
        elif one.state == _TIME_WAIT and (one.port in ports or one.peer in ports):
            found[f"{one.port}-{one.peer}"] = ENDED_BYTES
    return found


def listens(sockets: Iterable[Socket], ports: Collection[int]) -> bool:
    """Whether somebody listens at each of these ports."""
    return {one.port for one in sockets if one.state == _LISTEN} >= set(ports)


def received_by(pids: Iterable[int]) -> dict[str, float]:
    """What came in at the ports of processes, a counter for each connection. Raises Unmeasurable.

    Of those that listen nowhere, as workers do that fetch what they do, all that they received.
    """
    networks: dict[str, list[Socket]] = {}
    found: dict[str, float] = {}
    inodes: set[int] = set()
    for pid in pids:
        try:
            inodes |= set(_inodes(pid))
            if (network := _namespace(pid)) not in networks:
                networks[network] = of_network(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        except OSError as error:
            raise Unmeasurable(f"process {pid} cannot be looked at: {error}") from error
    for there in networks.values():
        own = [one for one in there if one.inode in inodes]
        ports = {one.port for one in own if one.state == _LISTEN}
        found |= came_in(there, ports) if ports else {str(one.inode): float(one.received) for one in own}
    return found


def _inodes(pid: int) -> Iterator[int]:
    folder = Path("/proc") / str(pid) / "fd"
    for file in os.listdir(folder):  # noqa: PTH208  # names are all that is wanted, of thousands
        try:
            points_to = os.readlink(folder / file)  # noqa: PTH115
        except FileNotFoundError:
            continue
        if points_to.startswith("socket:["):
            yield int(points_to[8:-1])


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115


def _inside(pid: int) -> list[Socket]:
    """Asked by a thread of its own, as a namespace is a thread's."""
    found: list[Socket] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _NEW_NETWORK) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            found.extend(_dump())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(4 * _WITHIN_SECONDS)
    if thread.is_alive():
        raise Unmeasurable(f"the network of process {pid} does not answer")
    if failed:
        raise failed[0]
    return found


def _dump() -> Iterator[Socket]:
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
            kernel.settimeout(_WITHIN_SECONDS)
            asked = _ASKED.pack(family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _STATES)
            kernel.sendto(_HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + asked, (0, 0))
            yield from _answers(kernel)


def _answers(kernel: socket.socket) -> Iterator[Socket]:
    while True:
        data = kernel.recv(_BUFFER_BYTES)
        while data:
            length, kind, *_ = _HEADER.unpack_from(data)
            if kind == _DONE:
                return
            if kind == _ERROR:
                number = -struct.unpack_from("=i", data, _HEADER.size)[0]
                raise OSError(number, os.strerror(number))
            yield _socket(data[:length])
            data = data[_aligned(length) :]


def _socket(message: bytes) -> Socket:
    port, peer = _PORTS.unpack_from(message, _PORTS_AT)
    (inode,) = struct.unpack_from("=I", message, _INODE_AT)
    state = message[_STATE_AT]
    return Socket(state, inode, port, peer, _received(message[_ATTRIBUTES_AT:]) if state == _ESTABLISHED else 0)


def _received(attributes: bytes) -> int:
    while len(attributes) >= 4:
        length, kind = struct.unpack_from("=HH", attributes)
        if kind == _INFO and length >= 4 + _RECEIVED_AT + _RECEIVED.size:
            return int(_RECEIVED.unpack_from(attributes, 4 + _RECEIVED_AT)[0])
        attributes = attributes[_aligned(length) :]
    raise OSError("this kernel does not tell what a connection received")


def _aligned(length: int) -> int:
    return (length + 3) & ~3
