"""`none`: nothing is broken. The control experiment, in which no alert may fire."""

from chaos.faults.fault import FaultFields, Proof, System


class NoFault(FaultFields, frozen=True, tag="none"):
    """Leaves the system alone for a while."""

    def describe(self) -> str:
        """See Fault."""
        return f"nothing is broken for {self.for_}"

    def check(self, system: System) -> None:
        """See Fault."""

    def inject(self, system: System) -> str:
        """See Fault."""
        return "nothing was injected"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        return Proof(True, "nothing to see")

    def undo(self, system: System) -> None:
        """See Fault."""

    def undone(self, system: System) -> Proof:
        """See Fault."""
        return Proof(True, "nothing to undo")

    def by_hand(self) -> str:
        """See Fault."""
        return "nothing to do"
