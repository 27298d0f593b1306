"""Reads a run's folder while it grows, and again when it is over; of a sealed one what everybody may know."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chaos.campaign.artifacts import HTML_FILE, VERDICT_FILE
from chaos.console import view
from chaos.console.settings import ConsoleSettings
from chaos.console.users import Users
from chaos.console.view import Opened, Seen, State
from chaos.errors import ChaosError
from chaos.facts import game
from chaos.facts.any_fact import AnyFact
from chaos.facts.files import FACTS_FILE, LOAD_FILE
from chaos.facts.game import GAME_FILE, AnyGameFact, Ready, Revealed, RoundBegan
from chaos.facts.live import LoadTail
from chaos.facts.run import RunEnded, RunStarted
from chaos.facts.samples import Request
from chaos.gameday import decks, ending, sealing
from chaos.machine.clock import Clock
from chaos.spec.gameday import deck
from chaos.verdict.verdict import Verdict

_MARKS = (b'"run_started"', b'"phase_began"', b'"page_seen"', b'"injected"', b'"staged_injected"', b'"staged_undone"',
          b'"aborted"', b'"mitigated"', b'"undone"', b'"run_ended"')  # fmt: skip
"""Tags of what is told of a run; of the many other facts not even their lines are parsed."""
_HEAD_BYTES = 200
"""A fact's line begins with its tag."""
_BEFORE_SECONDS = 5.0
"""A recording is played from so long before the moment from which something might be broken."""
_DIED_SECONDS = 30.0
"""A run whose end is not recorded, and of whose users nothing came for so long, has died."""


class Reader:
    """Of the run that a console shows; safe to use from several threads."""

    def __init__(self, settings: ConsoleSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._run: _Run | None = None

    @property
    def folder(self) -> Path | None:
        """Of the run that is shown; None: there is none yet."""
        named = Path(self._settings.folder)
        folder = (named / "latest").resolve() if self._settings.follows else named
        fits = folder.is_dir() and (not self._settings.follows or folder.name != self._settings.past)
        return folder if fits else None

    def state(self, run: str = "", facts: int = 0, users: int = 0) -> State:
        """What is new for a page that shows this run and has so many facts and requests; all of it for any other.

        Raises ChaosError, OSError and ValueError where the run's files cannot be read.
        """
        with self._lock:
            folder = self.folder
            if folder is None:
                return view.waiting()
            if self._run is None or self._run.folder != folder:
                self._run = _Run(folder, self._clock, self._settings)
            seen = self._run.look()
            return view.of(seen, facts, users) if run == seen.run else view.of(seen)


class _Run:
    """One run, and what was read of it so far."""

    def __init__(self, folder: Path, clock: Clock, settings: ConsoleSettings) -> None:
        self.folder = folder
        self._clock = clock
        self._speed, self._began = settings.speed, settings.began
        self._users = Users()
        self._load_is = folder / LOAD_FILE
        self._load = LoadTail(self._load_is)
        self._facts: list[AnyGameFact] = []
        self._facts_are: tuple[int, int, int] | None = None
        self._marks: list[AnyFact] = []
        self._marks_read = 0
        self._opened: Opened | None = None

    def look(self) -> Seen:
        # The seal is looked at last: what is read before it was opened is then shown a look later, and never too soon.
        facts, requests = self._read_facts(), self._read_load()
        sealed = sealing.is_sealed(self.folder)
        if not sealed:
            self._read_marks()
        if self._speed and facts and not sealed:
            return self._played_again(facts, requests)
        self._users.take(requests)
        played = self._is_played(facts)
        now = self._now(facts) if played else self._end(facts)
        opened = self._open(facts) if not sealed else None
        return Seen(self.folder.name, facts, [] if sealed else self._marks, self._users, now, sealed, played, opened)

    def _played_again(self, facts: list[AnyGameFact], requests: Sequence[Request]) -> Seen:
        """A recording up to a moment that moves: until its end it is as sealed as it was when it was played."""
        first = next((fact.at for fact in facts if isinstance(fact, Ready)), 0.0) - _BEFORE_SECONDS
        end = self._end(facts)
        now = min(first + (self._clock.boottime() - self._began) * self._speed, end)
        self._users.take(requests, now)
        shown = [fact for fact in facts if fact.at <= now]
        over = now >= end or any(isinstance(fact, Revealed) for fact in shown)
        marks = self._marks if over else []
        opened = self._open(facts, again=True) if over else None
        return Seen(self.folder.name, shown, marks, self._users, now, not over, not over, opened)

    def _read_facts(self) -> list[AnyGameFact]:
        file = self.folder / GAME_FILE
        try:
            stat = file.stat()
        except FileNotFoundError:
            return self._facts
        # Names may be left out of it afterwards: another file is in its place then.
        read = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if read != self._facts_are:
            self._facts, self._facts_are = game.read(file), read
        return self._facts

    def _read_load(self) -> Sequence[Request]:
        sealed = self.folder / sealing.SEALED_FOLDER / LOAD_FILE
        place = sealed if sealed.exists() else self.folder / LOAD_FILE
        if place != self._load_is:
            self._load, self._load_is = LoadTail(place), place
        return self._load.read().requests

    def _read_marks(self) -> None:
        try:
            with (self.folder / FACTS_FILE).open("rb") as file:
                file.seek(self._marks_read)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._marks_read += len(whole)
        for line in whole.splitlines():
            if any(tag in line[:_HEAD_BYTES] for tag in _MARKS):
                self._marks.append(msgspec.json.decode(line, type=AnyFact))

    def _is_played(self, facts: list[AnyGameFact]) -> bool:
        if facts:
            return sealing.is_played(self.folder)
        if any(isinstance(mark, RunEnded) for mark in self._marks):
            return False
        return self._since_its_start() - self._end(facts) < _DIED_SECONDS

    def _now(self, facts: list[AnyGameFact]) -> float:
        began = next((fact for fact in facts if isinstance(fact, RoundBegan)), None)
        return self._since_its_start() if began is None else self._clock.monotonic() - began.origin

    def _since_its_start(self) -> float:
        started = next((mark for mark in self._marks if isinstance(mark, RunStarted)), None)
        return 0.0 if started is None else self._clock.boottime() - started.boottime

    def _end(self, facts: list[AnyGameFact]) -> float:
        """When the last thing happened that was read."""
        known = (*facts, *self._marks)
        ticks = self._load.read().ticks
        return max([fact.at for fact in known] + [tick.at for tick in ticks[-1:]], default=0.0)

    def _open(self, facts: list[AnyGameFact], again: bool = False) -> Opened | None:
        """What is open now; `again`: the score is computed anew, from the recording."""
        page = decks.DEBRIEF_PAGE if facts else HTML_FILE
        written = (self.folder / page).exists()
        if self._opened is None and (written or again):
            self._opened = opened(self.folder, page if written else "", bool(facts), again)
        return self._opened or Opened(self.folder.name, "", None, "")


def opened(folder: Path, page: str, is_round: bool, again: bool) -> Opened:
    """All that is told of a run; `again`: with a score from the recording, and not the one that was kept."""
    title, truth, score = folder.name, "", None
    with contextlib.suppress(OSError, msgspec.DecodeError):
        title = msgspec.json.decode((folder / VERDICT_FILE).read_bytes(), type=Verdict).title
    if not is_round:
        return Opened(title, truth, score, page)
    # Of a round that was broken off there may be less.
    with contextlib.suppress(ChaosError, OSError, ValueError):
        truth = deck.played(sealing.experiment(folder), sealing.read(folder).sealed.injects).describe_faults()
        score = ending.score_of(folder)
    with contextlib.suppress(ChaosError, OSError, ValueError):
        true, computed = ending.score_again(folder)
        truth, score = true.words, computed if again else score
    return Opened(title, truth, score, page)
