"""`node.drain` and `service.scale`: what those who run a cluster do to it, on any day."""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure


class NodeDrain(FaultFields, frozen=True, forbid_unknown_fields=True, tag="node.drain"):
    """The machine that runs an instance is freed of all of them, as before maintenance; others take them over."""

    MEASURE: ClassVar = Measure.USERS

    OUTLIVES_THE_STACK: ClassVar = True

    instance: str

    def describe(self) -> str:
        return f"the node of {self.instance} is drained for {self.for_}"

    def aims_at(self) -> str | None:
        return self.instance


class ServiceScale(FaultFields, frozen=True, forbid_unknown_fields=True, tag="service.scale"):
    """A service is given more replicas, or fewer, and its old number afterwards."""

    MEASURE: ClassVar = Measure.USERS

    service: str
    replicas: int

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if self.replicas < 1:
            raise ValueError("`replicas` must be at least 1; for none, use process.kill of all instances")

    def describe(self) -> str:
        return f"{self.service} is scaled to {self.replicas} replicas for {self.for_}"
