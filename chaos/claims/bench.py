"""What measuring code is given: the claim, a stack on demand, loads, and the recording it writes into."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chaos.claims.loading import Loading
from chaos.claims.stack import Stack, Stacks
from chaos.facts.claims.facts import AnyClaimFact, LoadSeen, Noted, Reading
from chaos.facts.claims.recording import ClaimRecorder
from chaos.load.open_loop.job import Job
from chaos.machine.interrupts import Interrupts
from chaos.spec.claims.claim import Claim
from chaos.spec.claims.profile import Stage


@dataclass(frozen=True, slots=True)
class Bench:
    """One measurement of one claim."""

    claim: Claim
    folder: Path
    """For whatever files it needs."""
    recorder: ClaimRecorder
    stacks: Stacks
    interrupts: Interrupts
    deviation: str = ""
    origin: float = field(default_factory=time.monotonic)
    """The recording's zero on the monotonic clock."""

    @property
    def now(self) -> float:
        """Seconds since the recording's start."""
        return time.monotonic() - self.origin

    def deviates(self, name: str) -> bool:
        """Whether this is to be done, one of the claim's deviations. KeyError where it has none of this name."""
        assert self.claim.deviations[name]
        return self.deviation == name

    def number(self, name: str) -> float:
        """A size of the measurement, from the claim's file."""
        return self.claim.number_of(name)

    def write(self, fact: AnyClaimFact) -> None:
        """Record a fact."""
        self.recorder.write(fact)

    def reading(self, name: str, value: float, unit: str = "", **labels: str) -> None:
        """Record a number."""
        self.write(Reading(self.now, name, float(value), unit, labels))

    def note(self, text: str) -> None:
        """Record what whoever reads the recording should know."""
        self.write(Noted(self.now, text))

    def stack(self, environment: Mapping[str, str] | None = None) -> Stack:
        """Our own stack with these settings, well; see Stacks.up."""
        self.interrupts.check()
        return self.stacks.up(environment or {})

    def load(self, job: Job, profile: str | Sequence[Stage], **labels: str) -> list[LoadSeen]:
        """Ask by one of the claim's profiles until it is over; records and returns what was seen in each stage.

        Or by stages that only the measurement itself can know, such as a share of what was found to be the knee.

        Raises SignalUnavailable where the process that asks does not do as it should.
        """
        with self.loading(job, profile, **labels) as load:
            return self.seen(load)

    @contextlib.contextmanager
    def loading(self, job: Job, profile: str | Sequence[Stage], **labels: str) -> Iterator[Loading]:
        """The same, to act meanwhile: `begun()` of what it gives is when the first request is due.

        Whoever does not call `seen` with it has it ended at the block's end and nothing recorded.
        """
        if isinstance(profile, str):
            stages, name = self.claim.profiles[profile], profile
        else:
            stages, name = list(profile), "computed"
        told = msgspec.structs.replace(job, profile=stages, name=name, labels=labels, origin=self.origin)
        load = Loading(self.folder, told, self.interrupts)
        try:
            yield load
        finally:
            load.end()

    def seen(self, load: Loading) -> list[LoadSeen]:
        """Wait for the end of a load and record what it saw."""
        seen = load.seen()
        for one in seen:
            self.write(one)
        return seen

    def wait(self, seconds: float) -> None:
        """Let this much time pass, where time itself is what is waited for. Raises Interrupted."""
        self.interrupts.wait(seconds)
