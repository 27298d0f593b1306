"""When a run is ended before its time, because users pay more for it than it is worth."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from chaos.spec.values import Bound, Duration

_HALF = 0.5
_PATIENCE = Duration(seconds=30)
FAILED = "load:failed:ratio"


class AbortIf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """One condition under which the hold is ended at once, and everything undone."""

    query: str
    """`load:…` for what users saw in the last seconds, anything else is PromQL with one number as its answer."""
    bound: Bound
    """What it is when it is too much, such as `> 0.5`."""
    for_: Duration = msgspec.field(default_factory=lambda: _PATIENCE)
    """For how long it has to be so without a break."""

    def __str__(self) -> str:
        """In words."""
        return f"{self.query} {self.bound} for {self.for_}"


AbortConditions: TypeAlias = list[AbortIf] | Literal["never"] | None
"""`never` has to be written out; None: as the target says, or as is usual."""


def usual(during: Iterable[Bound]) -> tuple[AbortIf, ...]:
    """What ends a run of a stack that is not ours, where nobody says anything; `during` bounds the share of failures.

    More than half of the users' requests fail, and more than twice as many as the experiment takes into account.
    """
    expected = max((bound.limit for bound in during), default=0.0)
    return (AbortIf(FAILED, Bound(">", max(_HALF, 2 * expected))),)


def of(said: Sequence[AbortConditions], usually: tuple[AbortIf, ...]) -> tuple[AbortIf, ...]:
    """What the first says that says anything; else what is usual."""
    for one in said:
        if one is not None:
            return () if one == "never" else tuple(one)
    return usually
