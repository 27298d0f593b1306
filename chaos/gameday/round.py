"""A drill that is played: its fault comes when its time has come, and goes when players have ended it."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.drill.context import RunContext
from chaos.drill.drill import Drill, Parts
from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.errors import FaultGone, SignalUnavailable
from chaos.facts.game import HoldEnded
from chaos.facts.run import Injected, Mitigated
from chaos.gameday.actions import silences_of
from chaos.gameday.master import Master
from chaos.undo.journal import UndoRecord
from chaos.undo.stop_load import StopLoad

_PARTS = Parts()


@dataclass(slots=True)
class TableContext(RunContext):
    """A run's context in which people are heard whenever the run waits."""

    turns: list[Callable[[], None]] = field(default_factory=list)
    """What is called a few times a second."""

    def wait_for(self, what: str) -> None:
        """As in any run; and the game has its turn."""
        RunContext.wait_for(self, what)
        for turn in self.turns:
            turn()


class Round(Drill):
    """One round of a game day. `limit`: seconds from the injection until the fault is put back in any case."""

    def __init__(self, plan: Plan, context: TableContext, master: Master, limit: float, parts: Parts = _PARTS) -> None:
        super().__init__(plan, context, parts)
        self._master = master
        self._limit = limit
        self._most = plan.experiment.fault.for_.in_seconds
        self._begun = 0.0
        self._ended: tuple[str, int | None] | None = None
        """How the hold ended before its time, and by which fact of the game."""

    def _before_the_blow(self) -> None:
        # Until here all rounds are the same; from here on what a run says would say what it does.
        self._context.progress.done("all is well")
        self._context.progress = Progress(io.StringIO())
        self._master.ready()
        while self._context.now() < self._master.starts_at and not self._master.aborted_by:
            self._context.wait_for("for its time")
            self._context.act()
            self._attack.watch()
            self._users.assert_they_come(SignalUnavailable)
        if self._master.aborted_by:
            raise SignalUnavailable(f"aborted by {self._master.aborted_by} before anything was broken")

    def _inject(self) -> None:
        super()._inject()
        [injected] = self._context.recorder.live.all(Injected)
        self._master.injected(injected.at)
        self._begun = injected.at
        self._lasts()

    def _lasts(self) -> None:
        self._attack.until = self._begun + min(self._limit + self._master.extended, self._most)

    def _go_on(self) -> None:
        try:
            super()._go_on()
        except FaultGone as gone:
            by = self._master.acts()
            if by is None:
                raise
            if gone.staged is not None:
                self._attack.let_go(gone.staged)
                return
            self._ended = ("mitigated", by)
            self._context.write(Mitigated(self._context.now(), f"by fact {by} of the game: {gone}"))

    def _is_cut_short(self) -> bool:
        self._lasts()
        if self._master.aborted_by and not self._aborted:
            self._cut_short(f"by {self._master.aborted_by}")
        if self._ended is None and self._master.ended is not None:
            how, by = self._ended = self._master.ended
            self._context.write(Mitigated(self._context.now(), f"{how} by fact {by} of the game"))
        return super()._is_cut_short() or self._ended is not None

    def _undo(self) -> None:
        self._master.over = True
        # Who aborts wants out: what is under way has a record of its own, and is undone with the rest later.
        self._master.lets_go(waits=not self._aborted)
        how, by = ("aborted", None) if self._aborted else self._ended or ("limit", None)
        self._master.say(HoldEnded(0, self._context.now(), how, by))
        super()._undo()
        # What players have changed is no part of what users recover from.
        self._context.journal.replay(self._system, self._context.clock, only=self._of_players)
        if self._system.target.urls.alertmanager:
            with contextlib.suppress(SignalUnavailable):  # it is tried once more when the round is over, and said then
                silences_of(self._system.target).end_all()

    def _of_players(self, record: UndoRecord) -> bool:
        return self._context.owns(record) and not isinstance(record.what, StopLoad)
