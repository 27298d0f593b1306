"""The spans of a run that the judge looks at, taken from its facts."""

from dataclasses import dataclass

from chaos.facts.recording import Facts
from chaos.facts.run import Injected, Mitigated, PhaseBegan, Undone
from chaos.facts.samples import Request
from chaos.judge.measures import Phase, phase_of


@dataclass(frozen=True, slots=True)
class Window:
    """When what happened, in seconds since the run's start; None: it did not."""

    baseline: float | None
    """From here on the load was at its rate."""
    injected: float | None
    undoing: float | None
    """The faults are at work until here: what was broken may be back long before the undo is proven."""
    undone: float | None
    end: float
    """Until here users were watched."""
    mitigated: float | None = None
    """When a player ended the faults, before their time."""

    def requests(self, recording: Facts, phase: Phase) -> list[Request]:
        """The users' requests of one phase, in the order in which they were sent."""
        start = self.baseline if self.baseline is not None else self.end
        injected = self.injected if self.injected is not None else self.end
        undone = self.undone if self.undone is not None else self.end
        # One of a phase ended after its begin, however long before it was sent.
        begin = {Phase.BEFORE: start, Phase.DURING: injected, Phase.AFTER: undone}[phase]
        seen = [one for one in recording.load.ended_since(max(start, begin)) if start <= one.at < self.end]
        return sorted((one for one in seen if phase_of(one, injected, undone) is phase), key=lambda one: one.at)

    def bounds(self, phase: Phase) -> tuple[float, float] | None:
        """Begin and end of a phase; None when the run never came to it."""
        starts = {Phase.BEFORE: self.baseline, Phase.DURING: self.injected, Phase.AFTER: self.undone}
        ends = {Phase.BEFORE: self.injected, Phase.DURING: self.undone, Phase.AFTER: None}
        start, end = starts[phase], ends[phase]
        return None if start is None else (start, self.end if end is None else end)


def of(recording: Facts, now: float = 0.0) -> Window:
    """The spans of a run; of one that is still going on, up to its last fact or to `now`, whichever is later."""
    began = {fact.phase: fact.at for fact in recording.all(PhaseBegan)}
    injected, undone = recording.first(Injected), recording.first(Undone)
    mitigated = recording.first(Mitigated)
    last = max(now, recording.seconds)
    return Window(
        began.get("baseline"),
        injected.at if injected else None,
        began.get("undo", undone.at if undone else None),
        undone.at if undone else None,
        began.get("collect", last),
        mitigated.at if mitigated else None,
    )
