"""Where dashboards, alerts and traces of a live run come from: servers of the stack, as its target file has them."""

import threading
from pathlib import Path

import msgspec

from chaos.errors import InvalidFile
from chaos.spec import target as targets
from chaos.spec.door import Address
from chaos.spec.target import Target

_SCRAPED_EVERY_SECONDS = 1.0
"""Where no dashboard says how often Prometheus scrapes."""


class Sources(msgspec.Struct, frozen=True):
    """What the stack has; each of them may be missing."""

    prometheus: Address = ""
    alertmanager: Address = ""
    jaeger: Address = ""
    dashboards: str = ""
    """The folder of their JSON."""
    scrape_seconds: float = _SCRAPED_EVERY_SECONDS
    """How often Prometheus scrapes what they show."""


class SourcesFile:
    """The sources by a target file, which may come, go and change while a console is there.

    `dashboards`: their folder while there is no target that can be read. Safe to use from several threads.
    """

    def __init__(self, file: str, dashboards: str) -> None:
        self._file, self._otherwise = file, Sources(dashboards=dashboards)
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int, int] | None, Sources] = (None, self._otherwise)

    @property
    def now(self) -> Sources:
        """As the file says now; what cannot be read says nothing."""
        try:
            stat = Path(self._file).stat()
            changed = (stat.st_ino, stat.st_size, stat.st_mtime_ns) if self._file else None
        except OSError:
            changed = None
        with self._lock:
            if changed != self._read[0]:
                self._read = (changed, self._of_file() if changed else self._otherwise)
            return self._read[1]

    def _of_file(self) -> Sources:
        try:
            return _of_target(targets.read(Path(self._file)))
        except InvalidFile:
            return self._otherwise


def _of_target(target: Target) -> Sources:
    boards = target.dashboards
    return Sources(
        target.urls.prometheus,
        target.urls.alertmanager,
        target.urls.jaeger,
        # One without dashboards has none: those of another stack would only seem to be its own.
        boards.folder if boards else "",
        boards.scrape_interval.in_seconds if boards else _SCRAPED_EVERY_SECONDS,
    )
