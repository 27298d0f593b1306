"""What a fault is: one way to break something that knows how to put it back."""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from chaos.control import ProcessControl
from chaos.target import Target
from chaos.values import Duration


@dataclass(frozen=True, slots=True)
class System:
    """What a fault acts on."""

    target: Target
    control: ProcessControl


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether something was seen to be so, and what was seen."""

    holds: bool
    detail: str


class FaultFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", rename={"for_": "for"}):
    """What every fault in an experiment file has."""

    for_: Duration
    """How long it is held."""


class Fault(Protocol):
    """One way to break something. Its fields are those of the experiment file, and go into the undo record."""

    @property
    def for_(self) -> Duration:
        """How long it is held."""

    def describe(self) -> str:
        """What is done to what, in words, for people."""

    def aims_at(self) -> str | None:
        """The instance it acts on; None where it is no single one."""

    def check(self, system: System) -> None:
        """Raises FaultFailed when it cannot or must not be injected now. Changes nothing."""

    def inject(self, system: System) -> str:
        """Put it in place, and say what was done. Raises FaultFailed. The undo record is on disk before this."""

    def in_place(self, system: System) -> Proof:
        """Look whether it is in effect now."""

    def undo(self, system: System) -> None:
        """Put back exactly what `inject` changed; safe to repeat, and after an inject that was cut short."""

    def undone(self, system: System) -> Proof:
        """Look whether nothing of it is left and what it hit serves again."""

    def by_hand(self) -> str:
        """What a human does when undo failed."""
