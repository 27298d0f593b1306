"""When each of a run's faults was in place, and what it was said to do to those who watch."""

from dataclasses import dataclass

from chaos.facts.recording import Facts
from chaos.facts.run import FaultSaid, RunStarted, StagedInjected, StagedUndone
from chaos.judge.window import Window
from chaos.spec.faults.none import NoFault

NOTHING = str(NoFault.__struct_config__.tag)
"""The kind of the control experiment's fault."""


@dataclass(frozen=True, slots=True)
class InPlace:
    """One fault that was put in place."""

    said: FaultSaid
    start: float
    """Seconds since the run's start; its injection."""
    end: float | None
    """Its proven undo; None where the run did not come to it."""


def faults(recording: Facts) -> list[FaultSaid]:
    """What was said of the faults when the run began, the main one first.

    Recordings of earlier releases do not have it; of those the experiment's file is read by today's words.
    """
    started = recording.first(RunStarted)
    return list(started.faults) if started and started.faults else FaultSaid.of_all(recording.experiment)


def in_place(recording: Facts, window: Window) -> list[InPlace]:
    """Every fault that was injected, the main one first."""
    begun = {fact.staged: fact.at for fact in recording.all(StagedInjected)}
    undone = {fact.staged: fact.at for fact in recording.all(StagedUndone)}
    main, *staged = faults(recording)
    times = [(main, window.injected, window.undone)]
    times += [(said, begun.get(index), undone.get(index)) for index, said in enumerate(staged)]
    return [InPlace(said, start, end) for said, start, end in times if start is not None]


def nothing_broken(recording: Facts) -> bool:
    """Whether it is a control experiment."""
    return faults(recording)[0].kind == NOTHING
