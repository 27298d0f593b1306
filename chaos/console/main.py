"""A console's process: gunicorn makes the application from the file of its settings."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from chaos.console import app, settings
from chaos.machine import process_identity
from chaos.machine.process_identity import Child

_OUTLIVES_SECONDS = 60.0
"""So long a page goes on to say what became of a round whose game was killed."""


def create_app(file: str) -> FastAPI:
    """The application of the console with these settings. Raises GameRefused."""
    read = settings.read(Path(file))
    return app.create(read, beside=_ends_with(read.owner) if read.owner else lambda: None)


def _ends_with(owner: Child) -> Callable[[], None]:
    gone_at: float | None = None

    def look() -> None:
        nonlocal gone_at
        if process_identity.is_alive(owner):
            return
        gone_at = gone_at or time.monotonic()
        if time.monotonic() - gone_at > _OUTLIVES_SECONDS:
            os.kill(os.getppid(), signal.SIGTERM)  # gunicorn's, which ends us as well

    return look
