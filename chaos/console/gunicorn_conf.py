"""gunicorn's configuration for the console: one worker, since all of its state is in files and one is enough."""

import contextlib
import os
from pathlib import Path

_NICER_BY = 10
worker_class = "asgi"
asgi_lifespan = "on"
workers = 1
# Questions for what is new stay open for long; whoever asked one asks again.
graceful_timeout = 1
timeout = 30
limit_request_line = 1024
limit_request_fields = 50
# The heartbeat file must not wait for a slow disk, and by default the control socket is the same for all.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (the system's folder, not a guessable file)
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
control_socket_disable = True


def on_starting(_: object) -> None:
    """A round's own programs come first: a console that is late by a moment costs nobody anything."""
    os.nice(_NICER_BY)
    # Linux may give every session an equal share; niceness then says something within a session only (sched(7), "The
    # autogroup feature"), and we have one of our own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICER_BY))
