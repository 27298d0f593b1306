"""How much each TCP connection of a process received so far, as the kernel counts it (Linux, sock_diag(7))."""

import ctypes
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import Unmeasurable

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/tcp.h
_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBBBI48x")
_INFO = 2
_ESTABLISHED = 1 << 1
_PORTS = struct.Struct("!HH")
_PORTS_AT, _INODE_AT, _ATTRIBUTES_AT = 20, 84, 88  # from the beginning of a message
_RECEIVED = struct.Struct("=Q")
_RECEIVED_AT = 128  # tcpi_bytes_received in tcp_info
_NEW_NETWORK = 0x40000000
_BUFFER_BYTES = 1 << 17
_WITHIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Connection:
    """One established TCP connection."""

    inode: int
    """Of its socket; no other has it while this one lives."""
    port: int
    """Its own port."""
    received: int
    """Bytes."""


def of_network(pid: int) -> list[Connection]:
    """All in the network namespace of a process. Raises Unmeasurable when that cannot be looked into from here."""
    if not sys.platform.startswith("linux"):
        raise Unmeasurable(f"{sys.platform} does not tell what a connection received")
    try:
        if _namespace(pid) == _namespace(os.getpid()):
            return list(_dump())
        return _inside(pid)
    except OSError as error:
        raise Unmeasurable(f"the connections of process {pid} cannot be looked at: {error}") from error


def of_processes(pids: Iterable[int]) -> list[Connection]:
    """Those that these processes hold. Raises Unmeasurable when they cannot be looked into from here."""
    found: dict[int, Connection] = {}
    for pid in pids:
        try:
            inodes = set(_inodes(pid))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        except OSError as error:
            raise Unmeasurable(f"the files of process {pid} cannot be looked at: {error}") from error
        if inodes - found.keys():
            found |= {one.inode: one for one in of_network(pid) if one.inode in inodes}
    return list(found.values())


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


def _inside(pid: int) -> list[Connection]:
    """Asked by a thread of its own, as a namespace is a thread's."""
    found: list[Connection] = []
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
    thread.join(2 * _WITHIN_SECONDS)
    if failed:
        raise failed[0]
    return found


def _dump() -> Iterator[Connection]:
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
            kernel.settimeout(_WITHIN_SECONDS)
            asked = _ASKED.pack(family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _ESTABLISHED)
            kernel.sendto(_HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + asked, (0, 0))
            yield from _answers(kernel)


def _answers(kernel: socket.socket) -> Iterator[Connection]:
    while True:
        data = kernel.recv(_BUFFER_BYTES)
        while data:
            length, kind, *_ = _HEADER.unpack_from(data)
            if kind == _DONE:
                return
            if kind == _ERROR:
                number = -struct.unpack_from("=i", data, _HEADER.size)[0]
                raise OSError(number, os.strerror(number))
            yield _connection(data[:length])
            data = data[_aligned(length) :]


def _connection(message: bytes) -> Connection:
    port, _ = _PORTS.unpack_from(message, _PORTS_AT)
    (inode,) = struct.unpack_from("=I", message, _INODE_AT)
    return Connection(inode, port, _received(message[_ATTRIBUTES_AT:]))


def _received(attributes: bytes) -> int:
    while len(attributes) >= 4:
        length, kind = struct.unpack_from("=HH", attributes)
        if kind == _INFO and length >= 4 + _RECEIVED_AT + _RECEIVED.size:
            return int(_RECEIVED.unpack_from(attributes, 4 + _RECEIVED_AT)[0])
        attributes = attributes[_aligned(length) :]
    raise OSError("this kernel does not tell what a connection received")


def _aligned(length: int) -> int:
    return (length + 3) & ~3
