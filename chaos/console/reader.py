"""Of the run that a console shows: what is new for a page, and where its dashboards and traces are to be found."""

import threading
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from chaos.console import view
from chaos.console.one_run import OneRun
from chaos.console.settings import ConsoleSettings
from chaos.console.sources import SourcesFile
from chaos.console.starting import Start
from chaos.console.view import State
from chaos.machine.clock import Clock

_LOOKED_AT_SECONDS = 20.0
"""A page that is there asks again sooner than after this."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Of the run that is shown, when it is, and what may be asked about it."""

    folder: Path
    wall: float
    """Unix time at its start."""
    now: float
    """Seconds since then; of what is over, its end."""
    live: bool
    """Whether the stack is asked; else the recording, if that is open."""
    open: bool
    sealed: bool
    """Whether nobody may know yet what was broken, as in a recording that is played up to its reveal."""


class Reader:
    """Safe to use from several threads."""

    def __init__(
        self,
        settings: ConsoleSettings,
        clock: Clock,
        sources: SourcesFile | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._sources = sources or SourcesFile("", "")
        self._clock = clock
        self._transport = transport
        self._lock = threading.Lock()
        self._start = Start(settings, clock)
        self._run: OneRun | None = None
        self._asked_at = 0.0

    @property
    def folder(self) -> Path | None:
        """Of the run that is shown; None: there is none yet."""
        named = Path(self._settings.folder)
        folder = (named / "latest").resolve() if self._settings.follows else named
        fits = folder.is_dir() and (not self._settings.follows or folder.name != self._settings.past)
        return folder if fits else None

    def page_asks(self) -> None:
        """A page wants to be told: a recording that waits for nobody else begins now. Raises OSError."""
        self._start.page_asks()

    def state(self, run: str = "", facts: int = 0, users: int = 0) -> State:
        """What is new for a page that shows this run and has so many facts and requests; all of it for any other.

        Raises ChaosError, OSError and ValueError where the run's files cannot be read.
        """
        self._asked_at = self._clock.monotonic()
        with self._lock:
            shown = self._shown()
            if shown is None:
                return view.waiting(begun=self._start.began is not None)
            seen = shown.look()
            return view.of(seen, facts, users) if run == seen.run else view.of(seen)

    def frame(self) -> Frame | None:
        """What there is to look at now; None: there is no run. Raises as `state` does."""
        with self._lock:
            shown = self._shown()
            if shown is None:
                return None
            seen = shown.look()
            # Before its first fact nobody knows when it began.
            live = shown.is_live(seen) and shown.wall > 0
            return Frame(shown.folder, shown.wall, seen.now, live, shown.is_open(), seen.sealed)

    def watch(self) -> None:
        """Ask the stack about the alerts of a live run that somebody looks at, while others read on.

        Raises as `state` does.
        """
        if self._clock.monotonic() - self._asked_at > _LOOKED_AT_SECONDS:
            return
        frame, run = self.frame(), self._run
        if frame is not None and frame.live and run is not None:
            run.watch(frame.now, self._sources.now, self._transport)

    def _shown(self) -> OneRun | None:
        folder = self.folder
        if folder is None or (began := self._start.began) is None:
            return None
        if self._run is None or self._run.folder != folder:
            self._run = OneRun(folder, self._clock, msgspec.structs.replace(self._settings, began=began))
        return self._run
