"""A drill that is played: its fault comes when its time has come, and goes when players have ended it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.drill.context import RunContext
from chaos.drill.drill import Drill, Parts
from chaos.drill.plan import Plan
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.facts import game
from chaos.facts.game import HoldEnded
from chaos.facts.run import Injected, Mitigated
from chaos.gameday.master import Master

_PARTS = Parts()
_ACTS_FOR_SECONDS = 60.0
"""A fault that goes away so soon after players did something went away for that."""


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
        self._how = ""

    def _before_the_blow(self) -> None:
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
        self._attack.until = injected.at + min(self._limit, self._most)

    def _go_on(self) -> None:
        try:
            super()._go_on()
        except FaultFailed as gone:
            acted = self._master.acted_at
            if acted is None or self._context.now() - acted > _ACTS_FOR_SECONDS:
                raise
            self._how = "mitigated"
            self._context.write(Mitigated(self._context.now(), f"a player ended it: {gone}"))

    def _is_cut_short(self) -> bool:
        self._attack.until = self._begun + min(self._limit + self._master.extended, self._most)
        if self._master.aborted_by and not self._aborted:
            self._cut_short(f"by {self._master.aborted_by}")
        if self._master.ended is not None and not self._how:
            self._how, number = self._master.ended
            self._context.write(Mitigated(self._context.now(), f"{self._how} by players, fact {number}"))
        return super()._is_cut_short() or bool(self._how)

    def _undo(self) -> None:
        by = self._master.ended[1] if self._master.ended else None
        how = "aborted" if self._aborted else self._how or "limit"
        game.append(self._master.table.file, HoldEnded(0, self._context.now(), how, by))
        super()._undo()
