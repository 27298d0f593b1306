"""The undo of a silence that was made in Alertmanager: whoever replays the records ends it."""

from typing import ClassVar

import msgspec

from chaos.faults.hands import Proof, System
from chaos.reach.silences import Silences


class EndSilence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="silence"):
    """Every silence that was made under one name."""

    OUTLIVES_THE_STACK: ClassVar[bool] = False

    who: str

    def undo(self, system: System) -> None:
        """End what is in force or to come."""
        self._silences(system).end_all()

    def undone(self, system: System) -> Proof:
        """Look whether none is left."""
        left = self._silences(system).left()
        return Proof(not left, f"{len(left) or 'none'} of the silences of {self.who} {'are' if left else 'is'} left")

    def gone(self, system: System) -> Proof:
        """Look whether none is left."""
        return self.undone(system)

    def by_hand(self) -> str:
        """What a human does when it does not end."""
        return f"end the silences made by {self.who!r} on Alertmanager's page; each ends by itself within the hour"

    def _silences(self, system: System) -> Silences:
        return Silences(system.target.urls.alertmanager, self.who)
