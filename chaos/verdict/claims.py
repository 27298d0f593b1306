"""What is concluded of a claim: values only."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from chaos.verdict.finding import Finding
from chaos.verdict.verdict import Outcome


class Measure(msgspec.Struct, frozen=True):
    """A number that follows from what was recorded."""

    name: str
    value: float
    low: Annotated[float, Meta(description="The true number is hardly below this.")]
    high: Annotated[float, Meta(description="Nor above this; both are the value itself of what was counted.")]
    unit: str = ""

    @classmethod
    def exact(cls, name: str, value: float, unit: str = "") -> "Measure":
        """One that was counted, and not estimated."""
        return cls(name, value, value, value, unit)


class BoundResult(msgspec.Struct, frozen=True):
    """One bound of a claim, and what became of it."""

    name: str
    measure: str
    wanted: str
    because: str
    outcome: Outcome
    seen: Annotated[Measure | None, Meta(description="None: it could not be known.")]


class ClaimEndedEarly(Finding, frozen=True):
    """The measurement did not come to its end."""

    how: str
    detail: str


class ClaimFactsLost(Finding, frozen=True):
    """Facts that were written are missing."""

    kinds: list[str]


class LimitTooLow(Finding, frozen=True):
    """The machine has not what the claim needs."""

    limit: str
    value: float
    needed: float
    how: str
    """How it is raised."""


class LimitUnknown(Finding, frozen=True):
    """Nobody looked at a limit of the machine that the claim needs."""

    limit: str


class MachineBusy(Finding, frozen=True):
    """Somebody else kept the machine busy before anything was asked of the system."""

    cores: float
    most: float


class MachineUnseen(Finding, frozen=True):
    """Nobody looked at what others took of the machine before anything was asked of the system."""


class ClientLate(Finding, frozen=True):
    """The load's own process was late, so that it was not the system that was measured."""

    load: str
    """The stage in which it was worst."""
    p99_seconds: float | None
    """None: nobody looked at how late it was."""
    most_seconds: float
    others: int = 0
    """In how many more stages it was."""


class ClientFull(Finding, frozen=True):
    """The load's own process had nearly a whole core to do."""

    load: str
    """The stage in which it was most."""
    share: float
    most: float
    others: int = 0
    """In how many more stages it was."""


ClaimFinding: TypeAlias = (
    ClaimEndedEarly
    | ClaimFactsLost
    | LimitTooLow
    | LimitUnknown
    | MachineBusy
    | MachineUnseen
    | ClientLate
    | ClientFull
)


class Line(msgspec.Struct, frozen=True):
    """One line of a picture."""

    name: str
    points: list[tuple[float, float]]
    dots: bool = False
    """Points alone, with no line between them."""


class Bars(msgspec.Struct, frozen=True):
    """One group of bars of a picture: what it is about, and the height of each."""

    name: str
    heights: list[float]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim looks like; either lines or bars."""

    title: str
    x: str = ""
    """What the axis says, with its unit."""
    y: str
    lines: list[Line] = []
    bars: list[Bars] = []
    of_bars: list[str] = []
    """What each bar of a group stands for."""
    bound: float | None = None
    """Drawn across, as what was wanted of y."""
    log_x: bool = False
    log_y: bool = False


class ClaimVerdict(msgspec.Struct, frozen=True):
    """The whole verdict of one claim."""

    claim: str
    number: int
    title: str
    article: str
    said: str
    """What was held against the machine."""
    outcome: Outcome
    bounds: list[BoundResult]
    findings: list[ClaimFinding]
    measures: list[Measure]
    pictures: list[Picture]
    notes: list[str]
    limits: dict[str, float]
    started: float
    seconds: float
    revision: str
    dirty: bool
    machine: str
    deviation: str = ""


class ClaimsVerdict(msgspec.Struct, frozen=True):
    """All that was measured by one command; the content of `verdict.json`."""

    run_id: str
    claims: list[ClaimVerdict]
