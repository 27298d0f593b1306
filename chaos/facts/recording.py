"""The append-only facts of a run: one folder a run, read back by the judge when it is over."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from chaos.errors import InvalidFile
from chaos.facts import ledger, samples
from chaos.facts.any_fact import AnyFact
from chaos.facts.files import (
    EXPERIMENT_FILE,
    FACTS_FILE,
    LEDGER_FILE,
    LOAD_FILE,
    READ_BACK_FILE,
    SESSIONS_BACK_FILE,
    SESSIONS_FILE,
)
from chaos.facts.pages import PageAlert, PageSeen
from chaos.facts.run import RunStarted
from chaos.facts.sessions import SessionLedger, SessionReading
from chaos.facts.sessions import fold as fold_sessions
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.pace import Pace

T = TypeVar("T")


class Facts(Protocol):
    """What is known of a run, whether it lasts or is over."""

    @property
    def experiment(self) -> Experiment:
        """What was to be shown."""

    @property
    def load(self) -> samples.Load:
        """What users saw."""

    @property
    def seconds(self) -> float:
        """From the run's start to its last fact."""

    @property
    def pace(self) -> Pace:
        """At which it is run."""

    def all(self, kind: type[T]) -> Sequence[T]:
        """Every fact of this kind, in the order in which they were recorded."""

    def first(self, kind: type[T]) -> T | None:
        """The first fact of this kind; None when there is none."""

    def pages_of(self, alert: str) -> Sequence[tuple[PageSeen, PageAlert]]:
        """Every delivery of alerts of this name, accepted or refused, in the order in which they were recorded."""


@dataclass(frozen=True, slots=True)
class Recording:
    """All facts of one run."""

    folder: Path
    experiment: Experiment
    facts: tuple[AnyFact, ...]
    load: samples.Load
    orders: ledger.Ledger
    readings: tuple[ledger.OrderReading, ...] | None
    """None: the orders were not read back."""
    sessions: SessionLedger | None = None
    """None: the load had none."""
    session_readings: tuple[SessionReading, ...] | None = None
    """None: the sessions were not read back."""

    def all(self, kind: type[T]) -> list[T]:
        """Every fact of this kind, in the order in which they were recorded."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def first(self, kind: type[T]) -> T | None:
        """The first fact of this kind; None when there is none."""
        return next((fact for fact in self.facts if isinstance(fact, kind)), None)

    def pages_of(self, alert: str) -> list[tuple[PageSeen, PageAlert]]:
        """Every delivery of alerts of this name, accepted or refused, in the order in which they were recorded."""
        return [(page, one) for page in self.all(PageSeen) for one in page.alerts if one.name == alert]

    @property
    def pace(self) -> Pace:
        """At which it was run."""
        started = self.first(RunStarted)
        return started.pace if started else Pace()

    @property
    def seconds(self) -> float:
        """From the run's start to its last fact."""
        return max((fact.at for fact in self.facts), default=0.0)


def read(folder: Path) -> Recording:
    """Read a run back. Raises InvalidFile when it is not a recording."""
    file = folder / FACTS_FILE
    if not file.is_file():
        raise InvalidFile(folder, "", "not a recording; `runs/` holds one folder a run")
    facts: list[AnyFact] = _decoded(file, AnyFact)
    if not facts or not isinstance(facts[0], RunStarted):
        raise InvalidFile(file, "", "not a recording: it does not begin with what is run")
    return Recording(
        folder,
        yamlfile.read(folder / EXPERIMENT_FILE, Experiment).at(facts[0].pace),
        tuple(facts),
        _load(folder),
        orders_of(folder),
        _readings(folder),
        sessions_of(folder),
        _session_readings(folder),
    )


def _decoded(file: Path, kind: Any) -> list[Any]:
    """Every line of a file as one of these. A line that a crash tore can only be the last, without its line feed."""
    whole = file.read_bytes().rpartition(b"\n")[0]
    found = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except msgspec.DecodeError as error:
            raise InvalidFile(file, "", f"not a fact: {error}", number) from error
    return found


def _load(folder: Path) -> samples.Load:
    file = folder / LOAD_FILE
    with _readable(file):
        return samples.read(file) if file.exists() else samples.parse([])


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise InvalidFile(file, "", str(error)) from error


def orders_of(folder: Path) -> ledger.Ledger:
    """The ledger of users' orders; empty where there is none."""
    file = folder / LEDGER_FILE
    if not file.exists():
        return ledger.fold([])
    with file.open() as lines, _readable(file):
        return ledger.fold(lines)


def _readings(folder: Path) -> tuple[ledger.OrderReading, ...] | None:
    file = folder / READ_BACK_FILE
    if not file.exists():
        return None
    return tuple(_decoded(file, ledger.OrderReading))


def sessions_of(folder: Path) -> SessionLedger | None:
    """The ledger of users' sessions; None where there is none."""
    file = folder / SESSIONS_FILE
    if not file.exists():
        return None
    with file.open() as lines, _readable(file):
        return fold_sessions(lines)


def _session_readings(folder: Path) -> tuple[SessionReading, ...] | None:
    file = folder / SESSIONS_BACK_FILE
    if not file.exists():
        return None
    return tuple(_decoded(file, SessionReading))
