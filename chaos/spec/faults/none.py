"""`none`: nothing is broken. The control experiment, in which no alert may fire."""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields


class NoFault(FaultFields, frozen=True, tag="none"):
    """Leaves the system alone for a while."""

    MEASURE: ClassVar = None

    def describe(self) -> str:
        return f"nothing is broken for {self.for_}"
