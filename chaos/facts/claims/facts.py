"""The kinds of facts of a claim's recording; `at` is in seconds since its start."""

from typing import TypeAlias

import msgspec

from chaos.facts.claims.histogram import Buckets
from chaos.facts.fact import Fact


class ClaimStarted(Fact, frozen=True, tag="started"):
    """The first fact."""

    claim: str
    wall: float
    """Unix time of the start."""
    revision: str
    dirty: bool
    machine: str
    """What it is, for people."""
    deviation: str = ""
    """What was done to refute the claim; empty: nothing."""


class LimitSeen(Fact, frozen=True, tag="limit"):
    """A limit of the machine."""

    name: str
    value: float
    how: str
    """How it is raised."""


class BusySeen(Fact, frozen=True, tag="busy"):
    """How many cores somebody else kept busy before anything was asked of the system."""

    cores: float
    seconds: float
    """For how long that was looked at."""


class Reading(Fact, frozen=True, tag="reading"):
    """One number that was measured."""

    name: str
    value: float
    unit: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class SecondSeen(msgspec.Struct, frozen=True, array_like=True):
    """One second of a load, by when its requests were due."""

    second: int
    answered: int
    failed: int
    p50: float | None
    """Seconds, from when they were due."""
    p99: float | None
    longest: float | None


class LoadSeen(Fact, frozen=True, tag="load", kw_only=True):
    """One stage of a load, as the process that asked saw it."""

    labels: dict[str, str]
    profile: str
    stage: int
    """Its place in the profile, from 0."""
    began: float
    seconds: float
    """How long it was to last."""
    lasted: float
    """From its beginning until its last request was over."""
    sent: int
    answered: int
    """With a status below 400, and in time."""
    failed: dict[str, int]
    """How many of what kind; a request that was due and never sent is one of them."""
    latencies: Buckets
    """Of those answered, from the moment at which each was due to the last byte of its answer."""
    service: Buckets
    """Of those answered, from when each was sent."""
    by_tag: dict[str, Buckets] = msgspec.field(default_factory=dict)
    """`latencies`, by the value of the header that was asked for."""
    lag: Buckets
    """How late the process itself was: between a request's moment and when it got round to it, and of its own ticks."""
    closed: bool = False
    """Whether nobody asked before he was answered: then no moment was due, and `latencies` are service times."""
    cpu_seconds: float
    """That the process took meanwhile."""
    connections: int
    """Open at the stage's end."""
    body_bytes: int
    """Of all answers."""
    head_bytes: int
    per_second: list[SecondSeen] = msgspec.field(default_factory=list)

    @property
    def failures(self) -> int:
        """How many were not answered as they should."""
        return sum(self.failed.values())


class Noted(Fact, frozen=True, tag="note"):
    """What whoever reads the recording should know."""

    text: str


class ClaimEnded(Fact, frozen=True, tag="ended"):
    """The last fact."""

    how: str
    """`completed`, or what kept it from being."""
    detail: str
    wrote: dict[str, int]
    """How many facts there are before it of each kind."""


AnyClaimFact: TypeAlias = ClaimStarted | LimitSeen | BusySeen | Reading | LoadSeen | Noted | ClaimEnded
COMPLETED = "completed"
