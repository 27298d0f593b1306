"""What the Postgres agents share: connections that say whose they are, and that no dead agent leaves working."""

import contextlib
import os
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_WITHIN_SECONDS = 3
# A backend that computes does not notice by itself that nobody listens any more, and one in a transaction keeps its
# locks: it looks for its client every second, and gives up on one that stands still for ten.
_OPTIONS = "-c client_connection_check_interval=1000 -c idle_in_transaction_session_timeout=10000"
_kept: dict[str, tuple[int, bytes]] = {}
"""Path of a password file → a file in memory that has what it had, and that."""


def connect(dsn: str, name: str) -> Connection:
    """A connection in autocommit mode under this application name. Raises psycopg.OperationalError."""
    return psycopg.connect(
        keep_in_mind(dsn),
        autocommit=True,
        application_name=name,
        connect_timeout=CONNECT_WITHIN_SECONDS,
        options=_OPTIONS,
    )


def keep_in_mind(dsn: str) -> str:
    """Remember the password file that it names, and give it with what is remembered in that file's place.

    An undo must not fail because the folder of passwords may not be looked at any more; what can be read is read anew.
    """
    path = str(conninfo_to_dict(dsn).get("passfile") or "") if dsn else ""
    if not path:
        return dsn
    with contextlib.suppress(OSError):
        content = Path(path).read_bytes()
        if path not in _kept or _kept[path][1] != content:
            # A file of its own each time: somebody may be reading the one before.
            _kept[path] = (_in_memory(content), content)
    return make_conninfo(dsn, passfile=f"/proc/self/fd/{_kept[path][0]}") if path in _kept else dsn


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("passwords")
    os.fchmod(descriptor, 0o600)  # libpq takes no file that others may read
    os.pwrite(descriptor, content, 0)
    return descriptor
