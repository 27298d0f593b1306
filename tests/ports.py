"""Ports for servers of a test's own."""

import os
import socket
from itertools import cycle, islice

# Above the ports of the tests' stacks, below those that Linux gives to clients (32768 and up): a port from there can
# be taken by any connection of the machine between this look at it and the server's bind.
_PORTS = range(29_100, 32_768)
# Each process begins elsewhere, as several may look at the same moment.
_next = islice(cycle(_PORTS), os.getpid() * 97 % len(_PORTS), None)


def free_port() -> int:
    """A port of loopback that nobody listens on, and that neither a client nor this process's next call is given."""
    for port in islice(_next, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError(f"no free port from {_PORTS.start} to {_PORTS.stop - 1}")
