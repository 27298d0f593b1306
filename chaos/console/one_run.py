"""Reads one run's folder while it grows, and again when it is over; of a sealed one what everybody may know."""

from collections.abc import Sequence
from pathlib import Path

import httpx

from chaos.campaign.artifacts import HTML_FILE
from chaos.console import lanes, recorded
from chaos.console.lanes import NOTHING, Lanes, Told, pages_of
from chaos.console.opened import opened
from chaos.console.settings import ConsoleSettings
from chaos.console.sources import Sources
from chaos.console.users import Users
from chaos.console.view import Opened, Seen
from chaos.console.watch import Watch
from chaos.facts import game
from chaos.facts.any_fact import AnyFact
from chaos.facts.files import FACTS_FILE, LOAD_FILE
from chaos.facts.game import GAME_FILE, AnyGameFact, Ready, Revealed, RoundBegan
from chaos.facts.live import LoadTail
from chaos.facts.run import RunEnded, RunStarted
from chaos.facts.samples import Request
from chaos.gameday import decks, sealing
from chaos.machine.clock import Clock

_MARKS = (b'"run_started"', b'"phase_began"', b'"page_seen"', b'"injected"', b'"staged_injected"', b'"staged_undone"',
          b'"aborted"', b'"mitigated"', b'"undone"', b'"run_ended"', b'"alert_history"', b'"alertmanager_seen"',
          b'"rule_seen"')  # fmt: skip
"""Tags of what is told of a run and its alerts."""
_BEFORE_SECONDS = 5.0
"""A recording is played from so long before the moment from which something might be broken."""
_DIED_SECONDS = 30.0
"""A run whose end is not recorded, and of whose users nothing came for so long, has died."""


class OneRun:
    """One run, and what was read of it so far; for one thread at a time, but for `watch`."""

    def __init__(self, folder: Path, clock: Clock, settings: ConsoleSettings) -> None:
        self.folder = folder
        self._clock = clock
        self._speed, self._began = settings.speed, settings.began
        self._watch: Watch | None = None
        self._asked: Told | None = None
        self._lanes_for: tuple[int, int, int, bool] | None = None
        self._lanes = lanes.NONE
        self._users = Users()
        self._load_is = folder / LOAD_FILE
        self._load = LoadTail(self._load_is)
        self._facts: list[AnyGameFact] = []
        self._facts_are: tuple[int, int, int] | None = None
        self._marks: list[AnyFact] = []
        self._marks_read = 0
        self._opened: Opened | None = None

    def look(self) -> Seen:
        """What there is to be known now."""
        # The seal is looked at last: what is read before it was opened is then shown a look later, and never too soon.
        facts, requests = self._read_facts(), self._read_load()
        sealed = sealing.is_sealed(self.folder)
        if not sealed:
            self._read_marks()
        if self._speed and facts and not sealed:
            return self._played_again(facts, requests)
        self._users.take(requests)
        played = self._is_played(facts)
        if sealed and not played and not (sealed := sealing.is_sealed(self.folder)):
            # Whoever played it opened its seal in between, and did not break it off.
            self._read_marks()
        now = self._now(facts) if played else self._end(facts)
        told = self._open(facts) if not sealed else None
        marks = [] if sealed else self._marks
        shown = self._lanes_of(facts or pages_of(marks), played, now)
        return Seen(self.folder.name, facts, marks, self._users, now, sealed, played, told, shown)

    def is_live(self, seen: Seen) -> bool:
        """Whether the stack is there to be asked."""
        return seen.played and not self._speed

    def is_open(self) -> bool:
        """Whether everybody may read its recording; of one that is played again, up to the moment that is shown."""
        return not sealing.is_sealed(self.folder)

    @property
    def wall(self) -> float:
        """Unix time at its start; 0: nothing was read of it yet."""
        began = (fact.wall for fact in (*self._facts, *self._marks) if isinstance(fact, RoundBegan | RunStarted))
        return next(began, 0.0)

    def watch(self, now: float, sources: Sources, transport: httpx.BaseTransport | None) -> None:
        """Ask these about alerts; may take some seconds, and whoever reads need not wait for it."""
        if self._watch is None or self._watch.sources != sources:
            self._watch = Watch(sources, self.wall, transport)
        self._watch.look(now)

    def _lanes_of(self, pages: Sequence[AnyGameFact], live: bool, now: float) -> Lanes:
        """Made anew only where there is something new, and once a second: many pages ask, several times a second."""
        asked = self._watch.told if self._watch and live else None
        found = (len(pages), len(self._marks), int(now), live)
        if found != self._lanes_for or asked is not self._asked:
            self._lanes_for, self._asked = found, asked
            told = recorded.told(self._marks, now) if not live else asked or NOTHING
            self._lanes = lanes.of(pages, told, now)
        return self._lanes

    def _played_again(self, facts: list[AnyGameFact], requests: Sequence[Request]) -> Seen:
        """A recording up to a moment that moves: until its end it is as sealed as it was when it was played."""
        first = next((fact.at for fact in facts if isinstance(fact, Ready)), 0.0) - _BEFORE_SECONDS
        end = self._end(facts)
        now = min(first + (self._clock.boottime() - self._began) * self._speed, end)
        self._users.take(requests, now)
        shown = [fact for fact in facts if fact.at <= now]
        over = now >= end or any(isinstance(fact, Revealed) for fact in shown)
        marks = self._marks if over else []
        told = self._open(facts, again=True) if over else None
        alerts = self._lanes_of(shown, False, now)
        return Seen(self.folder.name, shown, marks, self._users, now, not over, not over, told, alerts)

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
        self._marks += recorded.lines(whole, _MARKS)

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
