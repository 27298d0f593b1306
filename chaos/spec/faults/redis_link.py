"""`redis.cut_off_master`: a master lives on and nobody reaches it, neither users nor its replica.

The cluster's nodes see each other on another way and all seems well to them, so that nobody takes over.
"""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure


class RedisCutOffMaster(FaultFields, frozen=True, tag="redis.cut_off_master"):
    """The link of the master that owns most slots is down."""

    MEASURE: ClassVar = Measure.COMMANDS

    def describe(self) -> str:
        return f"the link of the Redis master that owns most slots is down for {self.for_}"
