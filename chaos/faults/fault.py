"""What a fault is: one way to break something that knows how to put it back."""

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import msgspec

from chaos.control.port import ProcessControl
from chaos.spec.target import Target
from chaos.spec.values import Duration

BLINDABLE = frozenset({"prometheus", "pager", "alertmanager", "jaeger"})
"""The sources of evidence that a fault may say that it blinds."""
ON_A_PAGES_WAY = frozenset({"prometheus", "alertmanager", "pager"})
"""Instances, and the links that lead to them, that every page passes."""


@dataclass(frozen=True, slots=True)
class System:
    """What a fault acts on."""

    target: Target
    control: ProcessControl
    record: int = 0
    """The number of the undo record on whose behalf it is acted on; 0 where there is none."""

    def on_behalf_of(self, record: int) -> "System":
        """The same, for one undo record."""
        return replace(self, record=record)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether something was seen to be so, and what was seen."""

    holds: bool
    detail: str


class FaultFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", rename={"for_": "for"}):
    """What every fault in an experiment file has."""

    proven_within_seconds: ClassVar[float] = 5.0
    """See Fault."""

    for_: Duration
    """How long it is held."""

    def aims_at(self) -> str | None:
        """See Fault."""
        return None

    def instances(self) -> tuple[str, ...]:
        """See Fault."""
        aim = self.aims_at()
        return () if aim is None else (aim,)

    def links(self) -> tuple[str, ...]:
        """See Fault."""
        return ()

    def blinds(self) -> frozenset[str]:
        """See Fault; whoever is acted on, unless a fault knows better."""
        return BLINDABLE.intersection(self.instances())

    def keeps_pages_back(self) -> bool:
        """See Fault."""
        return not ON_A_PAGES_WAY.isdisjoint((*self.instances(), *self.links()))

    def renew(self, system: System) -> None:
        """See Fault."""

    def follow(self, system: System) -> None:
        """See Fault."""


class Fault(Protocol):
    """One way to break something. Its fields are those of the experiment file, and go into the undo record."""

    @property
    def for_(self) -> Duration:
        """How long it is held."""

    @property
    def proven_within_seconds(self) -> float:
        """By when after `inject` it must have been seen in place; that time counts as held."""

    def describe(self) -> str:
        """What is done to what, in words, for people."""

    def aims_at(self) -> str | None:
        """The instance it acts on; None where it is no single one."""

    def instances(self) -> tuple[str, ...]:
        """Every instance of the target that it names."""

    def links(self) -> tuple[str, ...]:
        """Every link of the target that it names."""

    def blinds(self) -> frozenset[str]:
        """Sources of evidence that tell nothing while it lasts, of BLINDABLE; the others judge."""

    def keeps_pages_back(self) -> bool:
        """Whether it acts on what a page passes on its way, so that pages may come when it is over."""

    def check(self, system: System) -> None:
        """Raises FaultFailed when it cannot or must not be injected now. Changes nothing."""

    def inject(self, system: System) -> str:
        """Put it in place, and say what was done. Raises FaultFailed. The undo record is on disk before this."""

    def in_place(self, system: System) -> Proof:
        """Look whether it is in effect now."""

    def renew(self, system: System) -> None:
        """Act once more; called every second of the hold. Most faults have nothing to do here."""

    def follow(self, system: System) -> None:
        """Act on what the system made of it; called at every look of the hold, a few times a second."""

    def undo(self, system: System) -> None:
        """Put back exactly what `inject` changed; safe to repeat, and after an inject that was cut short."""

    def undone(self, system: System) -> Proof:
        """Look whether nothing of it is left and what it hit serves again."""

    def by_hand(self) -> str:
        """What a human does when undo failed."""
