"""Writes what happens in a run into its folder, as it happens."""

import contextlib
import threading
from collections import Counter
from collections.abc import Sequence
from io import SEEK_END, FileIO
from pathlib import Path

import msgspec

from chaos.errors import SignalUnavailable
from chaos.facts.any_fact import AnyFact
from chaos.facts.files import EXPERIMENT_FILE, FACTS_FILE, READ_BACK_FILE, SESSIONS_BACK_FILE
from chaos.facts.ledger import OrderReading
from chaos.facts.live import LiveRecording
from chaos.facts.run import RunEnded
from chaos.facts.sessions import SessionReading
from chaos.spec.pace import Pace


class Recorder:
    """Writes facts, each flushed to the system at once; safe to use from several threads."""

    def __init__(self, folder: Path, pace: Pace) -> None:
        self.folder = folder
        self.live = LiveRecording(folder, pace)
        """What was recorded so far."""
        self._file = (folder / FACTS_FILE).open("ab", buffering=0)
        self._lock = threading.Lock()

    def write(self, fact: AnyFact) -> None:
        """Append one fact. Raises SignalUnavailable when that cannot be written, as on a full disk."""
        with self._lock:
            _append(self._file, msgspec.json.encode(fact) + b"\n")
            self.live.add(fact)

    def end(self, at: float, how: str, detail: str, by_hand: Sequence[str]) -> None:
        """Append the last fact, which says how many there are of each kind: one that is lost later is missed."""
        with self._lock:
            wrote = Counter(str(type(fact).__struct_config__.tag) for fact in self.live.facts)
        self.write(RunEnded(at, how, detail, list(by_hand), dict(wrote)))

    def write_reading(self, reading: OrderReading) -> None:
        """Append what the read-back found of one order."""
        with (self.folder / READ_BACK_FILE).open("ab", buffering=0) as file:
            _append(file, msgspec.json.encode(reading) + b"\n")

    def write_session_reading(self, reading: SessionReading) -> None:
        """Append what the read-back found of one session."""
        with (self.folder / SESSIONS_BACK_FILE).open("ab", buffering=0) as file:
            _append(file, msgspec.json.encode(reading) + b"\n")

    def close(self) -> None:
        """Close the file; nothing can be written afterwards."""
        with self._lock:
            self._file.close()


def _append(file: FileIO, line: bytes) -> None:
    """A whole line or nothing of it: half a line would take the next one along. Raises SignalUnavailable."""
    before = file.seek(0, SEEK_END)
    try:
        written = file.write(line)
        if written == len(line):
            return
        why = "only a part of it"
    except OSError as error:
        why = str(error)
    with contextlib.suppress(OSError):
        file.truncate(before)
    raise SignalUnavailable(f"the recording cannot be written: {why}")


def free_id(runs: Path, wanted: str) -> str:
    """The id, or the first of it with a number that no folder has yet."""
    taken = {folder.name for folder in runs.glob(f"{wanted}*")} if runs.is_dir() else set()
    return next(
        name for number in range(len(taken) + 1) if (name := f"{wanted}-{number}" if number else wanted) not in taken
    )


def create(runs: Path, run_id: str, experiment_file: Path, pace: Pace) -> Recorder:
    """Make the folder of a run, with a copy of its experiment, and point `runs/latest` to it."""
    folder = runs / run_id
    folder.mkdir(parents=True)
    recorder = open_in(folder, experiment_file, pace)
    point_latest(runs, run_id)
    return recorder


def open_in(folder: Path, experiment_file: Path, pace: Pace) -> Recorder:
    """A recorder into this folder, which has a copy of the run's experiment from now on."""
    (folder / EXPERIMENT_FILE).write_bytes(experiment_file.read_bytes())
    return Recorder(folder, pace)


def point_latest(runs: Path, run_id: str) -> None:
    """Point `runs/latest` to this run."""
    new = runs / f".latest-{run_id}"
    new.symlink_to(run_id)
    new.replace(runs / "latest")
