"""gunicorn's configuration, the same for every service.

gunicorn -c services/kit/lifecycle/gunicorn_conf.py --bind 127.0.0.1:8000 'services.shop.main:create_app()'
"""

import asyncio
import signal
from pathlib import Path
from typing import Any

worker_class = "asgi"
# A failed start-up must end the process; left to itself gunicorn would serve without the lifespan.
asgi_lifespan = "on"
# Longer than HAProxy keeps an idle connection (its pool-purge-delay, 5 s), so that it is never the server who closes
# one just as a request comes in on it.
keepalive = 75
# More than the drain delay and the request deadline together, for both of these wait.
graceful_timeout = 10
timeout = 30
# The heartbeat file must not wait for a slow disk.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (the system's folder, not a guessable file)
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
# By default a socket below the home directory, the same one for all instances.
control_socket_disable = True

logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "services.kit.telemetry.logging.json_formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
}


def post_worker_init(worker: Any) -> None:
    """Have SIGTERM drain the worker before it stops listening.

    gunicorn alone closes the listener at once, so that requests already on their way are refused,
    and then takes each idle keep-alive connection for an open request, up to the graceful time-out.
    """
    lifecycle = worker.asgi.state.lifecycle
    if not lifecycle.drains:
        return

    def close() -> None:
        # No request is open, only idle connections: nothing is left to wait for.
        worker.cfg.set("graceful_timeout", 0)
        worker.handle_exit_signal()

    def on_sigterm() -> None:
        worker.drain_task = asyncio.ensure_future(lifecycle.drain(close), loop=worker.loop)

    worker.loop.add_signal_handler(signal.SIGTERM, on_sigterm)
