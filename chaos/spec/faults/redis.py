"""`redis.kill_master`, `redis.kill_replica`, `redis.lose_majority`: nodes of a Redis Cluster die, chosen by their role.

Who is a master is found out when the fault is injected, as every fail-over changes it.
"""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure


class KillNodes(FaultFields, frozen=True):
    """SIGKILL to nodes of the cluster, kept down until the undo."""

    MEASURE: ClassVar = Measure.COMMANDS


class RedisKillMaster(KillNodes, frozen=True, tag="redis.kill_master"):
    """The master that owns most slots."""

    def describe(self) -> str:
        return f"SIGKILL to the Redis master that owns most slots, kept down for {self.for_}"


class RedisKillReplica(KillNodes, frozen=True, tag="redis.kill_replica"):
    """The replica of the master that owns most slots."""

    def describe(self) -> str:
        return f"SIGKILL to the replica of the Redis master that owns most slots, kept down for {self.for_}"


class RedisLoseMajority(KillNodes, frozen=True, tag="redis.lose_majority"):
    """So many masters at once that those left cannot vote for anybody's replica."""

    def describe(self) -> str:
        return f"SIGKILL to the majority of the Redis masters at once, kept down for {self.for_}"
