"""The faults of one run: the main one, and those staged after it. Injected, proven, renewed and undone here.

Every effect begins with `act`, which raises when the lease is lost or the user has asked the run to end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaos.drill.context import RunContext
from chaos.drill.use import Use
from chaos.errors import FaultFailed, FaultGone, UndoFailed
from chaos.facts.run import FaultProof, Injected, StagedInjected, StagedUndone, Undone, Used
from chaos.faults import use
from chaos.faults.hands import Hands, Proof, System
from chaos.faults.table import hands_of
from chaos.spec.experiment import Experiment, Staged
from chaos.spec.faults.table import AnyFault
from chaos.undo.journal import UndoRecord

PROVE_EVERY_SECONDS = 1.0
USE_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class _Live:
    """A fault that is in place."""

    hands: Hands[Any]
    record: UndoRecord
    system: System
    """As it is seen on behalf of the undo record."""
    staged: int | None
    until: float
    """When it is to be undone, in seconds since the run's start."""
    undone: str | None = None
    """What was seen when it was undone ahead of its time; the main fault stays in this list until the end."""
    gone: bool = False
    """Whether somebody else has taken it away, or a part of it: it is proven no more, and undone as ever."""


@dataclass(slots=True)
class Attack:
    """The faults of one run in their order."""

    experiment: Experiment
    context: RunContext
    tells_every: float = PROVE_EVERY_SECONDS
    """Seconds between two proofs that are recorded."""
    _waiting: list[tuple[int, Staged]] = field(default_factory=list)
    _uses: dict[int | None, Use] = field(default_factory=dict)
    _use_due: float = 0.0
    _live: list[_Live] = field(default_factory=list)
    _proof_due: float = 0.0
    _told_due: dict[int | None, float] = field(default_factory=dict)
    _met: dict[int | None, float] = field(default_factory=dict)
    """How many were held up since the last proof that was recorded."""
    _known_at: list[float] = field(default_factory=list)
    """When the watchdog knew what the fault that is being injected had written for its undo."""
    _begun: float = 0.0
    until: float = 0.0
    """When the main fault is to be undone, in seconds since the run's start."""

    def watch(self) -> None:
        """Look, once a second, how much that is used which is to be hit; from the baseline's begin on."""
        if self.context.now() < self._use_due:
            return
        self._use_due = self.context.now() + USE_EVERY_SECONDS
        if not self._uses:
            self._uses = {None: Use(self.experiment.fault)}
            self._uses |= {index: Use(staged.fault) for index, staged in enumerate(self.experiment.also)}
        for one in self._uses.values():
            one.look(self.context.system)
        if self.context.cover and not self._live:
            use.ask_the_rest(self.context.system, {fault.measure() for fault in self.experiment.faults})

    def check(self) -> None:
        """Raises FaultFailed when one of the faults cannot or must not be injected now. Changes nothing."""
        for fault in self.experiment.faults:
            hands_of(fault).check(self.context.system)

    def begin(self, victims: dict[str, int]) -> str:
        """Inject the main fault and prove it; returns what was done. Raises FaultFailed."""
        used = self._used(None)
        begin, done, proof = self._inject(self.experiment.fault, None)
        self._begun, self.until = begin, begin + self.experiment.fault.for_.in_seconds
        self._waiting = sorted(enumerate(self.experiment.also), key=lambda one: one[1].after)
        self._live[0].until = self.until
        first = next(iter(victims.values()), None)
        self.context.write(Injected(begin, f"{done}; {proof.detail}", first, victims, used, self._chosen()))
        self._proof_due = self.context.now()
        return done

    def go_on(self) -> None:
        """Inject and undo what is due and follow what is in place; once a second renew and prove that.

        Raises FaultFailed.
        """
        self.advance()
        self.look()

    def advance(self) -> None:
        """Inject and undo what is due. Raises FaultFailed and UndoFailed."""
        self.watch()
        while self._waiting and self.context.now() >= self._begun + self._waiting[0][1].after.in_seconds:
            self._stage(*self._waiting.pop(0))
        for live in [one for one in self._live if one.staged is not None and self.context.now() >= one.until]:
            self._undo_staged(live)

    def look(self) -> None:
        """Follow what is in place; once a second renew and prove it. Raises FaultFailed, FaultGone for what is not."""
        held = [live for live in self._live if live.undone is None and not live.gone]
        for live in held:
            self.context.act()
            live.hands.follow(live.system)
        if self.context.now() >= self._proof_due:
            self._proof_due += PROVE_EVERY_SECONDS
            for live in held:
                self._prove(live)

    def let_go(self, staged: int | None) -> None:
        """Prove a fault no more, all or part of which somebody has taken away; what is left of it is undone as ever."""
        for live in self._live:
            live.gone = live.gone or live.staged == staged

    def put_back(self, staged: int | None, patience: Callable[[], bool] = lambda: True) -> None:
        """Undo a fault now, ahead of its time; the others stay. Raises UndoFailed, also once `patience` says no."""
        for live in [one for one in self._live if one.staged == staged and one.undone is None]:
            if live.staged is None:
                live.undone = self._undo(live, patience)
                self.context.write(FaultProof(self.context.now(), False, live.undone))
            else:
                self._undo_staged(live, patience)

    def injected(self, record: UndoRecord) -> bool:
        """Whether this is the undo record of something that was injected here, and is still in hand or undone early."""
        return any(live.record.number == record.number for live in self._live)

    @property
    def in_hand(self) -> list[int | None]:
        """What was injected and is not put back, as `staged`: all of it, or what others have left of it."""
        return [live.staged for live in self._live if live.undone is None]

    @property
    def held(self) -> list[int | None]:
        """What is in place, as far as anybody knows."""
        return [live.staged for live in self._live if live.undone is None and not live.gone]

    @property
    def all_came(self) -> bool:
        """Whether no fault is to come yet."""
        return not self._waiting

    def end(self) -> str:
        """Undo what is in place, last first; returns what was seen. Raises UndoFailed."""
        for live in reversed([one for one in self._live if one.staged is not None]):
            self._undo_staged(live)
        main = self._live.pop()
        detail = self._undo(main) if main.undone is None else main.undone
        self.context.write(Undone(self.context.now(), detail))
        return detail

    def _stage(self, index: int, staged: Staged) -> None:
        used = self._used(index)
        begin, done, proof = self._inject(staged.fault, index)
        self._live[-1].until = begin + staged.fault.for_.in_seconds
        self.context.write(StagedInjected(begin, index, f"{done}; {proof.detail}", used, self._chosen()))

    def _used(self, staged: int | None) -> Used | None:
        """How much that was used which is hit now. Raises FaultFailed when nobody would meet it."""
        one = self._uses.pop(staged, None)
        if one is None:
            return None
        one.look(self.context.system)
        return one.result()

    def _inject(self, fault: AnyFault, staged: int | None) -> tuple[float, str, Proof]:
        self.context.act()
        self.context.assert_watched()
        record = self.context.register(fault)
        self.context.await_known()
        system = self.context.system.on_behalf_of(record.number, record.cover, self._known)
        self.context.act()
        begin, self._known_at = self.context.now(), []
        hands = hands_of(fault)
        done = hands.inject(system)
        # What a fault waits for before its first blow is not part of it.
        begin = min(self._known_at, default=begin)
        # Had we slept before the blow, whoever undid it meanwhile would have ended us first.
        self.context.assert_lease_held()
        proof = self._prove_in_place(hands, system)
        self._live.append(_Live(hands, record, system, staged, begin))
        return begin, done, proof

    def _chosen(self) -> list[str]:
        """The instances that the latest fault chose."""
        live = self._live[-1]
        return live.hands.chosen(live.system)

    def _known(self) -> None:
        self.context.await_known()
        self._known_at.append(self.context.now())

    def _prove_in_place(self, hands: Hands[Any], system: System) -> Proof:
        deadline = self.context.clock.monotonic() + hands.proven_within_seconds
        while not (proof := hands.in_place(system)).holds:
            if self.context.clock.monotonic() > deadline:
                raise FaultFailed(f"not in place: {proof.detail}")
            self.context.wait_for(f"for proof: {proof.detail}")
        return proof

    def _prove(self, live: _Live) -> None:
        self.context.act()
        live.hands.renew(live.system)
        proof = live.hands.in_place(live.system)
        met = live.hands.meets(live.system) if proof.holds else None
        if met is not None:
            self._met[live.staged] = self._met.get(live.staged, 0.0) + met
        # Renewed every second; in a run of hours it is not told that often.
        if self.context.now() >= self._told_due.get(live.staged, 0.0) or not proof.holds:
            self._told_due[live.staged] = self.context.now() + self.tells_every - PROVE_EVERY_SECONDS / 2
            met = self._met.pop(live.staged, None)
            self.context.write(FaultProof(self.context.now(), proof.holds, proof.detail, live.staged, met))
        if not proof.holds:
            raise FaultGone(live.staged, proof.detail)

    def _undo_staged(self, live: _Live, patience: Callable[[], bool] = lambda: True) -> None:
        detail = self._undo(live, patience)
        self._live.remove(live)
        assert live.staged is not None
        self.context.write(StagedUndone(self.context.now(), live.staged, detail))

    def _undo(self, live: _Live, patience: Callable[[], bool] = lambda: True) -> str:
        self.context.act()
        number = live.record.number
        done = self.context.journal.replay(
            self.context.system, self.context.clock, lambda record: record.number == number, patience
        )
        detail = "; ".join(proof.detail for _, proof in done)
        if not all(proof.holds for _, proof in done):
            raise UndoFailed([f"not waited for: {detail}"], [live.record.by_hand()])
        return detail
