"""The recording of a run while it lasts: one fold, fed by whoever writes, read by drill, progress and console.

It says what the recording on disk would say, and parses nothing twice: facts lie by their kind, and of the users' file
only what was added since is read. So an answer costs no more after an hour than after a minute.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from chaos.facts import ledger, samples
from chaos.facts.any_fact import AnyFact
from chaos.facts.files import EXPERIMENT_FILE, LOAD_FILE
from chaos.facts.pages import PageAlert, PageSeen
from chaos.facts.recording import orders_of, sessions_of
from chaos.facts.sessions import SessionLedger
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.pace import Pace

T = TypeVar("T")


class LiveRecording:
    """All that is known of the run in this folder; safe to use from several threads."""

    def __init__(self, folder: Path, pace: Pace) -> None:
        self.folder = folder
        self.pace = pace
        """At which it is run."""
        self._facts: list[AnyFact] = []
        self._by_kind: dict[type[Any], list[Any]] = defaultdict(list)
        self._pages: dict[str, list[tuple[PageSeen, PageAlert]]] = defaultdict(list)
        self._seconds = 0.0
        self._load = LoadTail(folder / LOAD_FILE)

    def add(self, fact: AnyFact) -> None:
        """Take in a fact that was just recorded; its recorder lets one thread at a time."""
        self._facts.append(fact)
        self._by_kind[type(fact)].append(fact)
        self._seconds = max(self._seconds, fact.at)
        if isinstance(fact, PageSeen):
            for alert in fact.alerts:
                self._pages[alert.name].append((fact, alert))

    @property
    def facts(self) -> Sequence[AnyFact]:
        """Every fact so far; grows while it is held."""
        return self._facts

    @property
    def seconds(self) -> float:
        """From the run's start to its last fact."""
        return self._seconds

    @cached_property
    def experiment(self) -> Experiment:
        """What is to be shown, as it is held at this pace. Raises InvalidFile."""
        return yamlfile.read(self.folder / EXPERIMENT_FILE, Experiment).at(self.pace)

    @property
    def load(self) -> samples.Load:
        """What users saw so far. ValueError when what was written is no fact of a load."""
        return self._load.read()

    def keep_up(self) -> None:
        """Take in what users have written since, so that no later answer has much to read."""
        self._load.read()

    @property
    def orders(self) -> ledger.Ledger:
        """The ledger of users' orders, read whole: to be asked once."""
        return orders_of(self.folder)

    @property
    def sessions(self) -> SessionLedger | None:
        """The ledger of users' sessions, read whole: to be asked once."""
        return sessions_of(self.folder)

    def all(self, kind: type[T]) -> Sequence[T]:
        """Every fact of this kind so far, in the order in which they were recorded; grows while it is held."""
        return self._by_kind[kind]

    def first(self, kind: type[T]) -> T | None:
        """The first fact of this kind; None when there is none yet."""
        found = self._by_kind[kind]
        return found[0] if found else None

    def pages_of(self, alert: str) -> Sequence[tuple[PageSeen, PageAlert]]:
        """Every delivery of alerts of this name so far, accepted or refused; grows while it is held."""
        return self._pages[alert]


class LoadTail:
    """The users' file while it grows: what was read of it is kept, and only what was added is read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._fold = samples.LoadFold()
        self._offset = 0
        self._lock = threading.Lock()

    def read(self) -> samples.Load:
        """The load so far; its lists grow while they are held. ValueError when a line is no fact of a load."""
        with self._lock:
            torn = self._take_what_was_added()
        fold = self._fold
        return samples.Load(fold.settings, fold.requests, fold.ticks, fold.end, torn, fold.lines, fold.wrote, fold)

    def _take_what_was_added(self) -> bool:
        try:
            with self._file.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return False
        whole, _, torn = added.rpartition(b"\n")
        for line in whole.splitlines():
            self._fold.add(line.decode())
        self._offset += len(added) - len(torn)
        return bool(torn)
