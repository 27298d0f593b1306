"""What a run does: its phases, its faults, its end."""

from collections.abc import Mapping, Sequence

import msgspec

from chaos.facts.fact import Fact
from chaos.spec.experiment import Experiment
from chaos.spec.pace import Pace

FORMAT = 2
"""What a recording holds. 2: it goes on while an alert is pending or has to resolve, whatever the experiment lists; of
one of format 1 nobody knows what came of those."""


class FaultSaid(msgspec.Struct, frozen=True):
    """What a fault said of itself when the run began, so that no later code decides about it."""

    kind: str
    """Its name in an experiment file."""
    words: str
    blinds: list[str]
    """Sources of evidence that tell nothing while it lasts."""
    keeps_pages_back: bool
    """Whether pages may come when it is over."""
    takes: list[str] = []
    """What the label `instance` says of series that may be gone while it lasts; not recorded by earlier releases."""
    measure: str = ""
    """How it is measured that it met somebody; empty where nothing is broken, and in recordings of format 1."""
    least: float = 0.0
    """What counts of that at least."""
    before: bool = False
    """Whether that is counted before the fault; else while it lasts."""

    @classmethod
    def of_all(cls, experiment: Experiment, gives: Mapping[str, Sequence[str]] | None = None) -> "list[FaultSaid]":
        """Of an experiment's faults, the main one first; `gives`: how instances' series call them, if not by name."""
        called = gives or {}
        return [
            cls(
                str(type(one).__struct_config__.tag),
                one.describe(),
                sorted(one.blinds()),
                one.keeps_pages_back(),
                sorted({name for instance in one.instances() for name in called.get(instance) or (instance,)}),
                *((measure.value, measure.least, measure.before) if (measure := one.measure()) else ()),
            )
            for one in experiment.faults
        ]


class RunStarted(Fact, frozen=True, tag="run_started"):
    """The first fact: what is run, from where, and how its clock maps to others."""

    run_id: str
    experiment_id: str
    fault: str
    """The fault in words."""
    receiver: str
    """The Alertmanager receiver at which a page counts as delivered."""
    heartbeat_receiver: str
    """The receiver that an always-firing alert reaches all the time; empty where there is none."""
    known_alerts: list[str]
    """Alerts whose rules should be running; the silence of one that is not loaded says nothing."""
    victim: str | None = msgspec.field(name="through")
    """The instance whose share of users' requests must not be nothing; None where that cannot be counted."""
    wall: float
    """Unix time at `at` 0."""
    boottime: float
    """CLOCK_BOOTTIME at `at` 0."""
    rate_per_second: float
    """Nominal rate of the load."""
    revision: str
    dirty: bool
    alerts_judged: bool = True
    """Whether the stack has alerting that we can look at."""
    has_ledgers: bool = True
    """Whether users keep ledgers of orders and sessions."""
    faults: list[FaultSaid] = msgspec.field(default_factory=list)
    """The main fault, then the staged ones; empty in recordings of earlier releases."""
    victims: list[str] = msgspec.field(default_factory=list)
    """Every instance that a fault names and whose share of users' requests can be counted, staged faults' too."""
    receivers: list[str] = msgspec.field(default_factory=list)
    """Every receiver that leads to the pager; empty in recordings of format 1."""
    format: int = 1
    """Of the recording; see FORMAT."""
    pace: Pace = Pace()
    """At which it was run; of earlier releases, that of the fastest drill."""
    only: dict[str, str] = msgspec.field(default_factory=dict)
    """Labels of the alerts that are the target's; empty: all are."""
    messages: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Receiver → the kinds of messages for people that it sends to the pager beside its webhook."""
    stands_for: list[str] = msgspec.field(default_factory=list)
    """Receivers that reach people for real, and beside which the one that leads to the pager is told."""
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    """What the system under attack was told beyond its defaults, by name: its switches. Empty in earlier recordings."""


class Used(msgspec.Struct, frozen=True):
    """How much of what a fault was about to hit was used from the baseline's begin on, in its own measure."""

    parts: dict[str, float] = {}
    """Each instance, link, server or store that it names; without the instances whose requests were counted."""
    why_not: str = ""
    """Why nobody here can tell; empty where it was counted."""


class PhaseBegan(Fact, frozen=True, tag="phase_began"):
    """A phase began; it lasts until the next one begins or the run ends."""

    phase: str


class Injected(Fact, frozen=True, tag="injected"):
    """The fault was put in place and proven; `at` is when it began to act."""

    detail: str
    victim_requests: int | None = msgspec.field(name="through_before")
    """Users' requests that the instance answered in the baseline."""
    victims: dict[str, int] = msgspec.field(default_factory=dict)
    """The same of each victim; empty in recordings of format 1."""
    used: Used | None = None
    """None where it is measured while it lasts, where it was asked for in vain, and in recordings of format 1."""
    chosen: list[str] = msgspec.field(default_factory=list)
    """The instances that the fault chose when it came, which no file names; none where it chooses none."""


class FaultProof(Fact, frozen=True, tag="fault_proof"):
    """One look at the fault while it is held."""

    in_place: bool
    detail: str
    staged: int | None = None
    """Which of the experiment's staged faults; None: the main one."""
    met: float | None = None
    """How many it was seen to hold up just then; None where it is measured otherwise."""


class StagedInjected(Fact, frozen=True, tag="staged_injected"):
    """A staged fault was put in place and proven."""

    staged: int
    """Its index under `also`."""
    detail: str
    used: Used | None = None
    """As of the main fault."""
    chosen: list[str] = msgspec.field(default_factory=list)
    """As of the main fault."""


class StagedUndone(Fact, frozen=True, tag="staged_undone"):
    """A staged fault was undone and proven to be."""

    staged: int
    detail: str


class Aborted(Fact, frozen=True, tag="aborted"):
    """A condition under which the run has to end was met; what is held is undone from here on."""

    why: str


class Mitigated(Fact, frozen=True, tag="mitigated"):
    """A player ended the fault, or what users felt of it; what is left of it is undone from here on."""

    how: str


class Undone(Fact, frozen=True, tag="undone"):
    """The fault was undone and proven to be."""

    detail: str


class RunEnded(Fact, frozen=True, tag="run_ended"):
    """The last fact: how the run came to its end."""

    how: str
    """One of the words of chaos.verdict.Ending."""
    detail: str
    by_hand: list[str] = msgspec.field(default_factory=list)
    """What a human has to do, where an undo failed."""
    wrote: dict[str, int] = msgspec.field(default_factory=dict)
    """How many facts of each kind were written before this one; empty in recordings of format 1."""
