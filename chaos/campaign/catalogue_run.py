"""The command `all`: the catalogue in sequence, its progress, and what it writes and prints at its end."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from chaos.campaign import artifacts, coverage_reading, revision, runner
from chaos.campaign.coverage_reading import CATALOGUE_FILE, Sources
from chaos.campaign.runner import Runner, Setting
from chaos.errors import InvalidFile, RunInProgress
from chaos.facts import files, recorder
from chaos.facts.run import RunStarted
from chaos.machine.durable import replace
from chaos.machine.interrupts import Interrupts
from chaos.machine.lock import LockBusy, locked
from chaos.report import document, durations, index, junit, matrix, summary, words
from chaos.spec import experiment as experiments
from chaos.spec import length
from chaos.spec.experiment import Vocabulary
from chaos.spec.pace import Pace
from chaos.verdict.catalogue import Catalogue, Entry
from chaos.verdict.coverage import Matrix

SUMMARY_FILE = "summary.md"
INDEX_FILE = "index.html"
_AROUND_SECONDS = 2.5
"""What a runner takes before its recording's first fact and after its last."""
_REASONS_SHOWN = 4
_LOCK_FILE = ".catalogue.lock"


def choose(folder: Path, only: list[str], skip: list[str]) -> list[str]:
    """The ids to run, in order: those that match a glob of `only`, if there is any, and none of `skip`.

    Raises InvalidFile when none is left.
    """
    ids = experiments.ids(folder)
    chosen = [name for name in ids if not only or any(fnmatchcase(name, glob) for glob in only)]
    chosen = [name for name in chosen if not any(fnmatchcase(name, glob) for glob in skip)]
    if not chosen:
        raise InvalidFile(folder, "", f"no experiment is left to run; there are: {', '.join(ids) or 'none'}")
    return chosen


def run_all(
    planned: list[str], sources: Sources, known: Vocabulary, setting: Setting, interrupts: Interrupts, pace: Pace
) -> int:
    """Run the planned experiments and say what came of it. Raises InvalidFile before anything, and RunInProgress."""
    with _only_one(setting.runs):
        guesses, rows = estimates(planned, sources, known, pace), coverage_reading.of_files(sources, known)
        folder = setting.runs / recorder.free_id(setting.runs, f"{time.strftime('%Y%m%d-%H%M%S')}-all")
        folder.mkdir(parents=True)
        version, dirty = revision.of(sources.root)
        started = Catalogue(folder.name, time.time(), 0.0, version, dirty, planned, [], "it is still running, or died")
        shown = Shown(planned, guesses)
        experiments_runner = Runner(setting, interrupts, shown.doing)

        def save(catalogue: Catalogue) -> None:
            _write(folder, catalogue, coverage_reading.matrix_of(catalogue, rows, sources))
            if catalogue.entries:
                shown.done(catalogue.entries)

        save(started)
        shown.begin()
        catalogue = runner.run_all(planned, experiments_runner, started, save)
        found = coverage_reading.matrix_of(catalogue, rows, sources)
        _write(folder, catalogue, found)
        _print(folder, catalogue, found)
        return runner.exit_code(catalogue, experiments_runner.signal_number)


def estimates(planned: list[str], sources: Sources, known: Vocabulary, pace: Pace) -> dict[str, float]:
    """How long each experiment may take, in seconds: as its latest recording at this pace did. Raises InvalidFile."""
    latest = coverage_reading.latest_recordings(sources.runs)
    guesses = {}
    for name in planned:
        experiment = experiments.read(experiments.find(sources.experiments, name), known)
        took = _took(latest[name], pace) if name in latest else None
        guesses[name] = _AROUND_SECONDS + (took or length.about(experiment.at(pace), pace))
    return guesses


@dataclass
class Shown:
    """The catalogue's progress on stderr; on a terminal the present experiment has a line that is rewritten."""

    planned: list[str]
    guesses: dict[str, float]
    number: int = 0

    def begin(self) -> None:
        """Say what is to come."""
        self._line(f"{len(self.planned)} experiments, {_minutes(sum(self.guesses.values()))}")

    def doing(self, what: str) -> None:
        """What the present experiment does."""
        if sys.stderr.isatty() and self.number < len(self.planned):
            text = f"[{self.number + 1:>2}/{len(self.planned)}] {self.planned[self.number]:<30} {what}"
            sys.stderr.write(f"\r\x1b[K{text[:110]}")
            sys.stderr.flush()

    def done(self, entries: list[Entry]) -> None:
        """How the latest experiment ended, and what is left."""
        self.number, entry = len(entries), entries[-1]
        ahead = self.planned[self.number :]
        # Earlier recordings may be of another machine: what this catalogue has shown so far corrects them.
        slower = sum(one.seconds for one in entries) / sum(self.guesses[one.experiment] for one in entries)
        left = f"  {_minutes(slower * sum(self.guesses[name] for name in ahead))} left" if ahead else ""
        head = f"[{self.number:>2}/{len(self.planned)}] {entry.experiment:<30}"
        self._line(f"{head} {entry.word:<13}{entry.seconds:6.1f} s{left}")
        for reason in words.why_not(entry)[:_REASONS_SHOWN]:
            self._line(f"        - {reason}")
        if entry.brought_back:
            self._line(f"        the stack was brought back: {entry.brought_back}")

    def _line(self, text: str) -> None:
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        print(f"{start}{text}", file=sys.stderr, flush=True)


def _write(folder: Path, catalogue: Catalogue, found: Matrix) -> None:
    replace(folder / CATALOGUE_FILE, document.render_all(catalogue), durable=False)
    (folder / SUMMARY_FILE).write_text(summary.render(catalogue, found))
    (folder / INDEX_FILE).write_text(index.render(catalogue, found))
    (folder / artifacts.JUNIT_FILE).write_bytes(junit.render_all(catalogue))


def _print(folder: Path, catalogue: Catalogue, found: Matrix) -> None:
    print(matrix.render(found, time.time()))
    print("Seconds per experiment")
    print(*(f"  {entry.experiment:<30} {entry.word:<13}{entry.seconds:6.1f}" for entry in catalogue.entries), sep="\n")
    print(f"  {'all':<44}{catalogue.seconds:6.1f}")
    if catalogue.ended_early:
        print(f"\nended early: {catalogue.ended_early}; not run: {', '.join(catalogue.left_out) or 'none'}")
    held = sum(entry.held for entry in catalogue.entries)
    print(f"\nstormdrill: {held} of {len(catalogue.planned)} held, report {artifacts.shown(folder / INDEX_FILE)}")


def _took(folder: Path, pace: Pace) -> float | None:
    """How long a run took, by its last fact, in seconds; None where it was at another pace."""

    class At(msgspec.Struct):
        at: float

    lines = (folder / files.FACTS_FILE).read_bytes().splitlines()
    with contextlib.suppress(msgspec.DecodeError):
        if not lines or msgspec.json.decode(lines[0], type=RunStarted).pace.beat != pace.beat:
            return None
    for line in reversed(lines):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(line, type=At).at
    return None


def _minutes(seconds: float) -> str:
    return f"about {durations.spoken(round(seconds / 60) * 60 if seconds >= 90 else round(seconds))}"


@contextlib.contextmanager
def _only_one(runs: Path) -> Iterator[None]:
    runs.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(runs / _LOCK_FILE, 0.0))
        except LockBusy as error:
            raise RunInProgress(f"another catalogue is being run into {runs}: wait for it") from error
        yield


def bring_back(settle: Callable[[bool], str], bring_up: Callable[[], None]) -> Callable[[bool], str]:
    """What is done for the stack after each experiment; `settle` waits for it and says what stays unwell."""

    def do(completed: bool) -> str:
        if unwell := settle(completed):
            bring_up()
        return unwell

    return do
