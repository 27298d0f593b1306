"""`none`: nothing is broken. The control experiment, in which no alert may fire."""

from chaos.faults.hands import Hands, Proof, System
from chaos.spec.faults.none import NoFault


class NoFaultHands(Hands[NoFault]):
    """Puts `none` in place and takes it back."""

    def check(self, system: System) -> None:
        """Nothing is to be done."""

    def inject(self, system: System) -> str:
        return "nothing was injected"

    def in_place(self, system: System) -> Proof:
        return Proof(True, "nothing to see")

    def undo(self, system: System) -> None:
        """Nothing is to be done."""

    def undone(self, system: System) -> Proof:
        return Proof(True, "nothing to undo")

    def by_hand(self) -> str:
        return "nothing to do"
