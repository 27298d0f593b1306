"""What the commands of a stack know of signals; who listens for them is the caller's."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Interrupts(Protocol):
    """The signals that came, as a value: nothing is cut that does not look."""

    @property
    def arrived(self) -> bool:
        """Whether one came."""

    def check(self) -> None:
        """Raise what ends the command when one came; called where nothing is half done."""

    def at_once(self) -> AbstractContextManager[None]:
        """Let a signal raise that wherever the block is, once; for work that is then taken back whole."""


class _Never:
    arrived = False

    def check(self) -> None:
        """Nothing came."""

    def at_once(self) -> AbstractContextManager[None]:
        """As without it."""
        return nullcontext()


NEVER: Interrupts = _Never()
"""For callers whom nobody interrupts."""
