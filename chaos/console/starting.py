"""When a recording begins to be played: a file says so, and a console that is begun again goes on with it."""

import contextlib
import os
from pathlib import Path

from chaos.console.settings import ConsoleSettings
from chaos.machine.clock import Clock


def begin(file: Path, clock: Clock) -> None:
    """It begins now; where it has begun already, nothing changes. Raises OSError."""
    # Whole or not there: whoever reads it in between must not take half of a number for it.
    own = file.with_suffix(f".{os.getpid()}")
    own.write_text(f"{clock.boottime()!r}\n")
    try:
        with contextlib.suppress(FileExistsError):
            os.link(own, file)
    finally:
        own.unlink()


class Start:
    """That of one console's recording."""

    def __init__(self, settings: ConsoleSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._began: float | None = None if settings.starts else settings.began

    @property
    def began(self) -> float | None:
        """CLOCK_BOOTTIME at which it began; None: it has not."""
        if self._began is None:
            with contextlib.suppress(FileNotFoundError):
                self._began = float(Path(self._settings.starts).read_text())
        return self._began

    def page_asks(self) -> None:
        """Somebody is there to see it, who need not wait unless the host is to begin it. Raises OSError."""
        if self.began is None and not self._settings.waits:
            begin(Path(self._settings.starts), self._clock)
