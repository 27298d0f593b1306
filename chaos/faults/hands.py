"""The hands of a fault: how what an experiment file says is put in place, proven, and put back."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, TypeVar

from chaos.control.port import ProcessControl
from chaos.spec.faults.fault import FaultFields
from chaos.spec.target import Target

T = TypeVar("T")
F = TypeVar("F", bound=FaultFields)

OURS = "stormdrill"
"""The word by which others see that something of an open run is ours."""
_LETTERS = 10
"""Of a word that says nothing: two of one run are the same once in a trillion."""


def _by_nobody() -> None:
    """Outside a run nobody is waited for."""


def open_name(what: str) -> str:
    """How something of a fault is called where everybody may know whose it is and what it does."""
    return f"{OURS}-{what}"


@dataclass(frozen=True, slots=True)
class System:
    """What a fault acts on."""

    target: Target
    control: ProcessControl
    record: int = 0
    """The number of the undo record on whose behalf it is acted on; 0 where there is none."""
    cover: str = ""
    """The secret of a sealed run, which makes the names that a fault leaves say nothing of it; empty in an open run."""
    await_known: Callable[[], None] = field(default=_by_nobody, compare=False)
    """To be called before a blow whose undo needs what was just written: waits until the watchdog has read it."""

    def on_behalf_of(self, record: int, cover: str, await_known: Callable[[], None] = _by_nobody) -> "System":
        """The same, for one undo record and under its cover."""
        return replace(self, record=record, cover=cover, await_known=await_known)

    def called(self, what: str) -> str:
        """How something of a fault is called where others can see it; an undo in another process finds it by that."""
        return self.covered(what) if self.cover else open_name(what)

    def covered(self, name: str) -> str:
        """The name as it is; under a cover a word that says nothing, the same each time."""
        return hashlib.sha256(f"{self.cover}/{name}".encode()).hexdigest()[:_LETTERS] if self.cover else name


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether something was seen to be so, and what was seen."""

    holds: bool
    detail: str


def each(things: Iterable[T], act: Callable[[T], object]) -> None:
    """Do it to every one, also when it cannot be done to another; then raises the first error."""
    errors: list[Exception] = []
    for thing in things:
        try:
            act(thing)
        except Exception as error:  # whatever it is, the others have their turn
            errors.append(error)
    if errors:
        raise errors[0]


class Hands(Generic[F]):
    """One way to break something, and to put it back. It keeps nothing in memory: an undo may be another process."""

    proven_within_seconds: ClassVar[float] = 5.0
    """By when after `inject` it must have been seen in place; that time counts as held."""

    def __init__(self, fault: F) -> None:
        self.fault = fault

    def check(self, system: System) -> None:
        """Raises FaultFailed when it cannot or must not be injected now. Changes nothing."""
        raise NotImplementedError

    def inject(self, system: System) -> str:
        """Put it in place, and say what was done. Raises FaultFailed. The undo record is on disk before this."""
        raise NotImplementedError

    def in_place(self, system: System) -> Proof:
        """Look whether it is in effect now."""
        raise NotImplementedError

    def chosen(self, system: System) -> list[str]:
        """The instances that it chose when it was put in place, which its file does not name."""
        return []

    def meets(self, system: System) -> float | None:
        """How many it holds up now; None where it is measured in another way that it meets somebody."""
        return None

    def renew(self, system: System) -> None:
        """Act once more; called every second of the hold. Most faults have nothing to do here."""

    def follow(self, system: System) -> None:
        """Act on what the system made of it; called at every look of the hold, a few times a second."""

    def undo(self, system: System) -> None:
        """Put back exactly what `inject` changed; safe to repeat, and after an inject that was cut short.

        Whatever it raises, the journal tries it again, and says in the end what a human does.
        """
        raise NotImplementedError

    def undone(self, system: System) -> Proof:
        """Look whether nothing of it is left and what it hit serves again."""
        raise NotImplementedError

    def gone(self, system: System) -> Proof:
        """Look whether nothing of it is left, whatever became of what it hit."""
        return self.undone(system)

    def by_hand(self) -> str:
        """What a human does when undo failed."""
        raise NotImplementedError
