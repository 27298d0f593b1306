"""How many connections HAProxy may have at once, and in how many processes: from what one process may have here."""

from dataclasses import dataclass
from math import ceil

from compose.limits import Limits
from compose.settings import StackSettings

FILES_A_CONNECTION = 2
"""The user's and the server's: HAProxy reserves both for each, and does not start where they are not allowed."""
OWN_FILES = 200
"""Of HAProxy itself, with room: what it listens on, its checks, three for each thread."""
BYTES_A_CONNECTION = 34_000
"""Of one in use: two buffers of 16 KiB, and what goes with them; HAProxy's own rule of thumb."""
BYTES_AT_AN_EDGE = 4_096
"""With room: nearly all there are idle, and an idle one has no buffer."""
FULL = 0.75
"""HAProxyConnectionsNearLimit speaks at 80 %, and has nothing to say when all are there that were asked for; the kernel
deals them to edges by chance, about seven thousand each, give or take a hundred."""
MOST_UNASKED = 10_000
"""Where nobody asks for more: a drill that fills HAProxy opens nine tenths of them, from one process, in seconds."""
MOST_EDGES = 170
"""Each has a port of its own above the stack's other ones."""
MOST_THREADS = 8
_LEAST = 100


@dataclass(frozen=True, slots=True)
class Size:
    """Of the load balancer."""

    connections: int
    """HAProxy's `maxconn`."""
    threads: int
    """HAProxy's; 0: as many as it finds cores."""
    edges: int = 0
    """Processes in front of it that keep users' connections; 0: users connect to HAProxy itself."""
    connections_an_edge: int = 0

    @property
    def for_users(self) -> int:
        """Most connections that users may have at once."""
        return self.edges * self.connections_an_edge or self.connections


def size(settings: StackSettings, limits: Limits | None = None) -> Size:
    """The load balancer's size; `limits` of whom it runs on, if not this machine's.

    With STORMDRILL_CONNECTIONS so many that FULL of all is what was asked for, in edges where one process cannot.
    """
    limits = limits or settings.limits
    by_files = (limits.files - OWN_FILES) // FILES_A_CONNECTION
    one = max(_LEAST, min(by_files, limits.memory_bytes // BYTES_A_CONNECTION))
    threads = min(limits.cores, MOST_THREADS)
    wanted = ceil(settings.connections / FULL)
    if not wanted:
        return Size(min(one, MOST_UNASKED), threads)
    if wanted <= one:
        return Size(wanted, threads)
    edges = ceil(wanted / max(_LEAST, by_files))
    return Size(min(one, MOST_UNASKED), threads, edges, ceil(wanted / edges))


def refusal(settings: StackSettings, *, apart: bool) -> str:
    """Why so many connections cannot be had, and what to change; empty where they can."""
    files, wanted = settings.limits.files, settings.connections
    if files < OWN_FILES + FILES_A_CONNECTION * _LEAST:
        return f"a process may open {files} files, which is not enough for HAProxy: raise the hard limit (ulimit -Hn)"
    if not wanted:
        return ""
    asked = f"STORMDRILL_CONNECTIONS: {wanted}: "
    if apart:
        return f"{asked}edges are processes of this machine: unset it, or use RUNTIME=native"
    if (edges := size(settings).edges) > MOST_EDGES:
        needed = OWN_FILES + FILES_A_CONNECTION * ceil(wanted / FULL / MOST_EDGES)
        return (
            f"{asked}{edges} edges are needed where a process may open {files} files, and {MOST_EDGES} is the most:"
            f" raise the hard limit (ulimit -Hn) to {needed}"
        )
    needed = wanted * BYTES_AT_AN_EDGE
    if edges and needed > settings.limits.memory_bytes:
        return f"{asked}HAProxy takes {needed >> 20} MiB for them, more than a quarter of this machine's memory"
    return ""
