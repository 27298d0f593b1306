"""A drill that is played: its fault comes when its time has come, and goes when players have ended it."""

import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chaos.drill.context import RunContext
from chaos.drill.drill import Drill, Parts
from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.errors import FaultFailed, FaultGone, SignalUnavailable, UndoFailed
from chaos.facts.game import HoldEnded
from chaos.facts.run import Injected, Mitigated, StagedInjected
from chaos.gameday import chosen
from chaos.gameday.master import Master
from chaos.judge import users_now
from chaos.report import durations
from chaos.spec.gameday import truth
from chaos.undo.end_silence import EndSilence
from chaos.undo.journal import UndoRecord
from chaos.undo.stop_load import StopLoad

WAITS_SECONDS = 3600.0
"""So long a host may let everybody wait; then the round is over, with nothing broken."""
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

    def __init__(
        self,
        plan: Plan,
        context: TableContext,
        master: Master,
        limit: float,
        roles: Mapping[str, str],
        parts: Parts = _PARTS,
    ) -> None:
        """`roles`: of the target's instances, by their names."""
        super().__init__(plan, context, parts)
        self._master = master
        self._limit = limit
        self._roles = roles
        self._most = plan.experiment.fault.for_.in_seconds
        self._begun = 0.0
        self._by: int | None = None
        """Which fact of the game was the last that took a fault away."""
        self._mitigated = False
        self._ended: tuple[str, int | None] | None = None
        """How the hold ended before its time, and by which fact of the game."""
        master.repair = self._repair

    def _before_the_blow(self) -> None:
        # Until here all rounds are the same; from here on what a run says would say what it does.
        self._context.progress.done("all is well")
        self._context.progress = Progress(io.StringIO())
        self._master.ready()
        gives_up_at = self._context.now() + WAITS_SECONDS
        while self._context.now() < self._master.starts_at:
            self._context.wait_for("for its time")
            self._context.act()
            self._attack.watch()
            self._users.assert_they_come(SignalUnavailable)
            if self._context.now() > gives_up_at:
                raise SignalUnavailable(f"nobody let it begin within {durations.spoken(WAITS_SECONDS)}")

    def _inject(self) -> None:
        super()._inject()
        [injected] = self._context.recorder.live.all(Injected)
        self._master.injected(injected.at)
        self._begun = injected.at
        self._lasts()

    def _lasts(self) -> None:
        self._attack.until = self._begun + min(self._limit + self._master.extended, self._most)

    def _go_on(self) -> None:
        self._attack.advance()
        try:
            self._attack.look()
        except FaultGone as gone:
            by = self._master.acts()
            if by is None:
                raise
            # All of it, or the part that would have been proven next: users say which, and the undo does the rest.
            self._attack.let_go(gone.staged)
            self._taken(by, str(gone))
        except (FaultFailed, SignalUnavailable):
            # Who restarts what a fault acts on takes away for a moment who could say whether it is in place.
            if self._master.acts() is None:
                raise

    def _repair(self, component: str, family: str, by: int) -> bool:
        """Put back the faults that are called so; whether there are any in place."""
        faults = {None: self._experiment.fault} | {at: one.fault for at, one in enumerate(self._experiment.also)}
        there = self._attack.in_hand
        own = chosen.of(self._context.recorder.live)
        named = [one for one in there if truth.names(faults[one], self._roles, component, family, own.get(one, ()))]
        for staged in named:
            try:
                self._attack.put_back(staged, self._nobody_ends_it)
            except UndoFailed:
                self._attack.let_go(staged)
                raise
            finally:
                self._taken(by, f"{component} was put right")
        return bool(named)

    def _nobody_ends_it(self) -> bool:
        """To be asked while a repair is proven, when nobody is heard: what is wanted then is done after it at once."""
        return not (self._context.interrupts.arrived or self._master.table.is_to_abort)

    def _taken(self, by: int, how: str) -> None:
        self._by = by
        # From here on no alert has to come any more, unless another fault is there or is to come.
        if self._attack.all_came and not self._attack.held:
            self._mitigate(f"by fact {by} of the game: {how}")

    def _mitigate(self, how: str) -> None:
        if not self._mitigated:
            self._mitigated = True
            self._context.write(Mitigated(self._context.now(), how))

    def _is_cut_short(self) -> bool:
        self._lasts()
        if self._master.aborted_by is not None and not self._aborted:
            self._master.abort_taken = True
            self._cut_short(f"by fact {self._master.aborted_by} of the game")
        if self._ended is None and (ended := self._end_by_people()):
            self._ended = ended
            self._mitigate(f"{ended[0]} by fact {ended[1]} of the game")
        return super()._is_cut_short() or self._ended is not None

    def _end_by_people(self) -> tuple[str, int | None] | None:
        """How they have ended it: all was put back, all is gone and users are well, or they say that it is over."""
        if (by := self._master.declared) is not None:
            return "resolved", by
        if self._by is None or not self._attack.all_came:
            return None
        if not self._attack.in_hand:
            return "repaired", self._by
        return ("mitigated", self._by) if self._is_over_for_users() else None

    def _is_over_for_users(self) -> bool:
        """Whether they are well; where something of ours is still in place, whether nobody notices it any more."""
        wellness = self._master.wellness
        if self._attack.held:
            came = max((one.at for one in self._context.recorder.live.all(StagedInjected)), default=self._begun)
            return self._context.now() >= came + self._master.noticed_within and not wellness.amiss()
        return wellness.users_are_well() or not users_now.can_tell(self._experiment)

    def _undo(self) -> None:
        self._master.lets_go()
        how, by = ("aborted", None) if self._aborted else self._ended or ("limit", None)
        self._master.say(HoldEnded(0, self._context.now(), how, by))
        self._begin("undo")
        # A fault's undo may be proven by what players have changed, such as whether HAProxy uses a server: so that is
        # put back before, and proven after it, as it may need what the fault has taken.
        with contextlib.suppress(UndoFailed):
            self._context.journal.replay(self._system, self._context.clock, self._changed_by_players, lambda: False)
        self._context.progress.done(self._attack.end())
        self._master.last_words()
        # What players have changed is no part of what users recover from.
        self._context.journal.replay(self._system, self._context.clock, only=self._of_players)

    def _put_back(self) -> None:
        # Whatever ended the round: nobody does anything any more, before what was done is undone.
        self._master.lets_go()
        super()._put_back()

    def _changed_by_players(self, record: UndoRecord) -> bool:
        """Silences change no part that a fault is in, and nobody waits for Alertmanager before a fault is undone."""
        return self._of_players(record) and not isinstance(record.what, EndSilence)

    def _of_players(self, record: UndoRecord) -> bool:
        theirs = self._context.owns(record) and not self._attack.injected(record)
        return theirs and not isinstance(record.what, StopLoad)
