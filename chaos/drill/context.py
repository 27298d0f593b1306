"""What the parts of one run share: on what it is, by which clock, and what each of them asks of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos.drill.progress import Progress
from chaos.errors import FaultFailed
from chaos.facts.any_fact import AnyFact
from chaos.facts.recorder import Recorder
from chaos.faults.hands import System
from chaos.machine.clock import Clock, SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.undo import watched
from chaos.undo.journal import Undoable, UndoJournal, UndoRecord
from chaos.undo.lease import LeaseFile

LOOK_EVERY_SECONDS = 0.25
_KNOWN_WITHIN_SECONDS = 5.0
_KNOWN_POLL_SECONDS = 0.02


@dataclass(slots=True)
class RunContext:
    """One run."""

    run_id: str
    experiment_id: str
    system: System
    recorder: Recorder
    interrupts: Interrupts
    progress: Progress
    clock: Clock = field(default_factory=SystemClock)
    assert_somebody_watches: Callable[[Path], None] = watched.assert_watched
    """Raises FaultFailed when nobody watches the stack with this state folder."""
    knows: Callable[[Path, float], bool] = watched.knows
    """Whether whoever watches has read all that was in this state folder then, in Unix time."""
    cover: str = ""
    """A sealed run's secret, which nobody can guess; empty in an open run. See System."""
    lease: LeaseFile = field(init=False)
    journal: UndoJournal = field(init=False)
    origin: float = field(init=False)
    """Its zero on the monotonic clock."""
    wall: float = field(init=False)
    """Unix time then."""
    boottime: float = field(init=False)
    """CLOCK_BOOTTIME then."""

    def __post_init__(self) -> None:
        # Who looks before there is a fault says no more of itself than the fault will.
        self.system = replace(self.system, cover=self.cover)
        state = self.system.target.state_folder
        self.lease, self.journal = LeaseFile(state, self.clock), UndoJournal(state)
        self.origin, self.wall, self.boottime = self.clock.monotonic(), self.clock.wall(), self.clock.boottime()

    def now(self) -> float:
        """Seconds since the run's start."""
        return self.clock.monotonic() - self.origin

    def write(self, fact: AnyFact) -> None:
        """Record a fact."""
        self.recorder.write(fact)

    def act(self) -> None:
        """To be called before every effect. Raises LeaseLost or Interrupted."""
        self.assert_lease_held()
        self.interrupts.check()

    def assert_lease_held(self) -> None:
        """Raises LeaseLost when it is not."""
        self.lease.assert_held(self.run_id)

    def assert_watched(self) -> None:
        """To be called before every blow. Raises FaultFailed when nobody watches who would undo it."""
        self.assert_somebody_watches(self.system.target.state_folder)

    def await_known(self) -> None:
        """Wait until the watchdog has read what is on disk now, so that it can undo it also when it may not any more.

        Up to 5 s; it looks four times a second. Raises FaultFailed when it did not, and Interrupted.
        """
        since, deadline = self.clock.wall(), self.clock.monotonic() + _KNOWN_WITHIN_SECONDS
        while not self.knows(self.system.target.state_folder, since):
            self.assert_watched()
            if self.clock.monotonic() > deadline:
                raise FaultFailed("the watchdog does not read what there will be to undo, so nothing may be broken")
            self.interrupts.wait(_KNOWN_POLL_SECONDS)

    def register(self, what: Undoable) -> UndoRecord:
        """Put an undo record on disk; when this returns, it survives a crash of the machine."""
        return self.journal.register(self.run_id, self.experiment_id, what, self.cover)

    def owns(self, record: UndoRecord) -> bool:
        """Whether it is of something that this run changed."""
        return record.run_id == self.run_id

    def wait_for(self, what: str) -> None:
        """Say what is waited for, and let a quarter of a second pass. Raises Interrupted."""
        self.progress.waits(what)
        self.interrupts.wait(LOOK_EVERY_SECONDS)
