"""The append-only facts of a run: one folder a run, written as things happen, read back by the judge."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from chaos.errors import InvalidFile
from chaos.facts import ledger, samples
from chaos.facts.files import LEDGER_FILE, LOAD_FILE, SESSIONS_FILE
from chaos.facts.run_facts import AnyFact
from chaos.facts.sessions import SessionLedger, SessionReading
from chaos.facts.sessions import fold as fold_sessions
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment

FACTS_FILE = "recording.ndjson"
EXPERIMENT_FILE = "experiment.yaml"
READ_BACK_FILE = "read_back.ndjson"
SESSIONS_BACK_FILE = "sessions_back.ndjson"

T = TypeVar("T")


class Recorder:
    """Writes facts, each flushed to the system at once; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = (folder / FACTS_FILE).open("ab")
        self._lock = threading.Lock()

    def write(self, fact: AnyFact) -> None:
        """Append one fact."""
        with self._lock:
            self._file.write(msgspec.json.encode(fact) + b"\n")
            self._file.flush()

    def write_reading(self, reading: ledger.OrderReading) -> None:
        """Append what the read-back found of one order."""
        with (self.folder / READ_BACK_FILE).open("ab") as file:
            file.write(msgspec.json.encode(reading) + b"\n")

    def write_session_reading(self, reading: SessionReading) -> None:
        """Append what the read-back found of one session."""
        with (self.folder / SESSIONS_BACK_FILE).open("ab") as file:
            file.write(msgspec.json.encode(reading) + b"\n")

    def close(self) -> None:
        """Close the file; nothing can be written afterwards."""
        with self._lock:
            self._file.close()


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

    @property
    def seconds(self) -> float:
        """From the run's start to its last fact."""
        return max((fact.at for fact in self.facts), default=0.0)


def free_id(runs: Path, wanted: str) -> str:
    """The id, or the first of it with a number that no folder has yet."""
    taken = {folder.name for folder in runs.glob(f"{wanted}*")} if runs.is_dir() else set()
    return next(
        name for number in range(len(taken) + 1) if (name := f"{wanted}-{number}" if number else wanted) not in taken
    )


def create(runs: Path, run_id: str, experiment_file: Path) -> Recorder:
    """Make the folder of a run, with a copy of its experiment, and point `runs/latest` to it."""
    folder = runs / run_id
    folder.mkdir(parents=True)
    (folder / EXPERIMENT_FILE).write_bytes(experiment_file.read_bytes())
    new = runs / f".latest-{run_id}"
    new.symlink_to(run_id)
    new.replace(runs / "latest")
    return Recorder(folder)


def read(folder: Path) -> Recording:
    """Read a run back. Raises InvalidFile when it is not a recording."""
    file = folder / FACTS_FILE
    if not file.is_file():
        raise InvalidFile(folder, "", "not a recording; `runs/` holds one folder a run")
    lines = file.read_bytes().splitlines()
    # A line that is torn by a crash can only be the last.
    facts = [
        _decode(file, number, line)
        for number, line in enumerate(lines, 1)
        if line.endswith(b"}") or number < len(lines)
    ]
    return Recording(
        folder,
        yamlfile.read(folder / EXPERIMENT_FILE, Experiment),
        tuple(facts),
        _load(folder),
        _orders(folder),
        _readings(folder),
        _sessions(folder),
        _session_readings(folder),
    )


def _decode(file: Path, number: int, line: bytes) -> AnyFact:
    try:
        fact: AnyFact = msgspec.json.decode(line, type=AnyFact)
    except msgspec.DecodeError as error:
        raise InvalidFile(file, "", f"not a fact: {error}", number) from error
    return fact


def _load(folder: Path) -> samples.Load:
    file = folder / LOAD_FILE
    return samples.read(file) if file.exists() else samples.parse([])


def _orders(folder: Path) -> ledger.Ledger:
    file = folder / LEDGER_FILE
    if not file.exists():
        return ledger.fold([])
    with file.open() as lines:
        return ledger.fold(lines)


def _readings(folder: Path) -> tuple[ledger.OrderReading, ...] | None:
    file = folder / READ_BACK_FILE
    if not file.exists():
        return None
    return tuple(msgspec.json.decode(line, type=ledger.OrderReading) for line in file.read_bytes().splitlines())


def _sessions(folder: Path) -> SessionLedger | None:
    file = folder / SESSIONS_FILE
    if not file.exists():
        return None
    with file.open() as lines:
        return fold_sessions(lines)


def _session_readings(folder: Path) -> tuple[SessionReading, ...] | None:
    file = folder / SESSIONS_BACK_FILE
    if not file.exists():
        return None
    return tuple(msgspec.json.decode(line, type=SessionReading) for line in file.read_bytes().splitlines())
