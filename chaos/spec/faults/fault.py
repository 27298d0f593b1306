"""A fault in words: what people write of it, whom it aims at, what it blinds. How it is done is in chaos/faults."""

from datetime import timedelta
from typing import ClassVar

import msgspec

from chaos.spec.faults.measure import Measure
from chaos.spec.values import Duration

BLINDABLE = frozenset({"prometheus", "pager", "alertmanager", "jaeger"})
"""The sources of evidence that a fault may say that it blinds."""
ON_A_PAGES_WAY = frozenset({"prometheus", "alertmanager", "pager"})
"""Instances, and the links that lead to them, that every page passes."""


class FaultFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", rename={"for_": "for"}):
    """What every fault in an experiment file has. The fields of a fault go into its undo record as they are."""

    MEASURE: ClassVar[Measure | None]
    """How it is measured that it met somebody; None where nothing is broken."""

    LONGEST: ClassVar[timedelta | None] = None
    """How long a file may say that it is held; a slow pace makes that longer."""

    OUTLIVES_THE_STACK: ClassVar[bool] = False
    """Whether what it does is still there when the stack has been taken down."""

    for_: Duration
    """How long it is held."""

    def measure(self) -> Measure | None:
        """How it is measured that this one met somebody."""
        return self.MEASURE

    def describe(self) -> str:
        """What is done to what, in words, for people."""
        raise NotImplementedError

    def aims_at(self) -> str | None:
        """The instance it acts on; None where it is no single one."""
        return None

    def instances(self) -> tuple[str, ...]:
        """Every instance of the target that it names."""
        aim = self.aims_at()
        return () if aim is None else (aim,)

    def links(self) -> tuple[str, ...]:
        """Every link of the target that it names."""
        return ()

    def blinds(self) -> frozenset[str]:
        """Sources of evidence that tell nothing while it lasts, of BLINDABLE; the others judge.

        They are those it acts on, unless a fault knows better.
        """
        return BLINDABLE.intersection(self.instances())

    def keeps_pages_back(self) -> bool:
        """Whether it acts on what a page passes on its way, so that pages may come when it is over."""
        return not ON_A_PAGES_WAY.isdisjoint((*self.instances(), *self.links()))
