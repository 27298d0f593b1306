"""What connections received, as the kernel counts it: of a process, of a network, and of one that is not ours."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from chaos.errors import Unmeasurable
from chaos.machine import sockets
from tests.waiting import until

# A network of its own, in which it talks to itself and then waits.
ELSEWHERE = """
import ctypes, fcntl, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x40000000):
    sys.exit(os.strerror(ctypes.get_errno()))
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
server = socket.create_server(("127.0.0.1", 4711))
caller = socket.create_connection(("127.0.0.1", 4711))
served, _ = server.accept()
caller.sendall(b"x" * 1234)
served.recv(2000)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def pair():
    """Both ends of a connection; the first is the server's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as caller,
        server.accept()[0] as served,
    ):
        yield served, caller


def counter(end):
    return str(os.fstat(end.fileno()).st_ino)


def test_of_a_process_that_listens_what_came_in_there_is_counted_and_nothing_else():
    with pair() as (served, caller):
        caller.sendall(b"x" * 3000)
        served.recv(4000)
        served.sendall(b"y" * 20)
        caller.recv(100)
        own = sockets.received_by([os.getpid(), os.getpid()])
        assert own[counter(served)] == 3000
        assert counter(caller) not in own, "that it was answered is no use of it"
        there, port = sockets.of_network(os.getpid()), served.getsockname()[1]
        assert sockets.came_in(there, [port]) == {counter(served): 3000}
        assert sockets.listens(there, [port])
        assert not sockets.listens(there, [port, 1])


@pytest.mark.parametrize("who", ["caller", "served"])
def test_a_connection_that_has_ended_counts_as_a_short_request(who):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        before = sockets.came_in(sockets.of_network(os.getpid()), [port])
        for _ in range(3):
            caller = socket.create_connection(("127.0.0.1", port))
            served, _ = server.accept()
            first, then = (caller, served) if who == "caller" else (served, caller)
            first.close()
            assert then.recv(1) == b""
            then.close()

        def all_ended():
            """The last word of a connection may still be on its way."""
            found = sockets.came_in(sockets.of_network(os.getpid()), [port])
            return found if len(found) - len(before) == 3 else None

        ended = until(all_ended)
        assert sum(ended.values()) - sum(before.values()) == 3 * sockets.ENDED_BYTES
        assert sockets.received_by([os.getpid()]).items() >= ended.items()


def test_what_another_process_holds_is_none_of_its_own():
    with pair() as (served, caller), subprocess.Popen(["sleep", "60"]) as idle:
        try:
            caller.sendall(b"x" * 3000)
            assert sockets.received_by([idle.pid]) == {}
        finally:
            idle.kill()
        assert served.recv(4000)


def test_a_network_that_is_not_ours_is_looked_into():
    with subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout.readline() == "ready\n"
            assert list(sockets.came_in(sockets.of_network(other.pid), [4711]).values()) == [1234]
            assert list(sockets.received_by([other.pid]).values()) == [1234]
            assert 1234 not in sockets.came_in(sockets.of_network(os.getpid()), [4711]).values()
        finally:
            other.stdin.close()


def test_a_process_that_is_not_there_cannot_be_measured():
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    with pytest.raises(Unmeasurable, match="cannot be looked at"):
        sockets.of_network(gone.pid)
    assert sockets.received_by([gone.pid]) == {}
