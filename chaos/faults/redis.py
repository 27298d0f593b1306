"""`redis.kill_master`, `redis.kill_replica`, `redis.lose_majority`: nodes of a Redis Cluster die, chosen by their role.

Who is a master is found out when the fault is injected, as every fail-over changes it.
"""

import time
from typing import ClassVar, TypeVar

import msgspec
import redis

from chaos.control.port import state_of, states_of
from chaos.errors import FaultFailed
from chaos.faults import saved_state
from chaos.faults.hands import Hands, Proof, System
from chaos.reach import redis_cluster
from chaos.reach.redis_cluster import SLOTS, Node
from chaos.spec.faults.redis import KillNodes, RedisKillMaster, RedisKillReplica, RedisLoseMajority

AnyKillNodes = TypeVar("AnyKillNodes", bound=KillNodes)

_TAKES_OVER_WITHIN_SECONDS = 8.0
"""By when a replica should have taken over by itself: node time-out, election and votes take about five."""


class _Victim(msgspec.Struct, frozen=True):
    name: str
    id: str
    replica: str
    """The node that can take over; empty where a replica was killed."""


class _Victims(msgspec.Struct, frozen=True):
    killed_at: float
    """Seconds since the epoch, as its reader may be another process."""
    nodes: list[_Victim]


class KillNodesHands(Hands[AnyKillNodes]):
    """What these faults have in common."""

    may_promote: ClassVar[bool] = False
    """Whether undo may have a replica take over without the others' votes."""

    def check(self, system: System) -> None:
        nodes = system.target.redis_nodes
        if not nodes:
            raise FaultFailed("the target names no Redis nodes")
        seen = redis_cluster.look(nodes)
        missing = nodes.keys() - {node.name for node in seen}
        if missing:
            raise FaultFailed(f"no answer from {', '.join(sorted(missing))}")
        if lone := [node.name for node in seen if not node.in_sync]:
            raise FaultFailed(f"not replicated as it should be: {', '.join(lone)}")
        self._choose(seen)

    def inject(self, system: System) -> str:
        victims = self._choose(redis_cluster.look(system.target.redis_nodes))
        saved_state.write(system, self._name, _Victims(time.time(), victims))
        pids = [system.control.kill(victim.name) for victim in victims]
        return "; ".join(
            f"process group {pid} of {victim.name} got SIGKILL and is gone"
            for pid, victim in zip(pids, victims, strict=True)
        )

    def in_place(self, system: System) -> Proof:
        victims = self._victims(system)
        states = states_of(system.control, [victim.name for victim in victims.nodes])
        down = [states[victim.name].kept_down for victim in victims.nodes]
        return Proof(all(down) and bool(down), f"down: {', '.join(victim.name for victim in victims.nodes)}")

    def chosen(self, system: System) -> list[str]:
        return [victim.name for victim in self._victims(system).nodes]

    def undo(self, system: System) -> None:
        """A master that comes back before its replica has taken over is empty, and its replica copies that: so it is
        started only after that. Where the replica cannot, as a majority is missing, it is told to.
        """
        victims = self._victims(system)
        owners = {node.name: node.owned for node in redis_cluster.look(system.target.redis_nodes)}
        waited_seconds = time.time() - victims.killed_at
        for victim in victims.nodes:
            if state_of(system.control, victim.name).running or not victim.replica or owners.get(victim.replica) != 0:
                system.control.start(victim.name)
            elif self.may_promote or waited_seconds > _TAKES_OVER_WITHIN_SECONDS:
                redis_cluster.take_over(system.target.redis_nodes[victim.replica])

    def undone(self, system: System) -> Proof:
        victims = self._victims(system).nodes
        seen = {node.name: node for node in redis_cluster.look(system.target.redis_nodes)}
        for victim in victims:
            if victim.name not in seen:
                return Proof(False, f"{victim.name} does not answer yet")
        return _whole(system, seen) if victims else Proof(True, "nothing was killed")

    def by_hand(self) -> str:
        return (
            "start the killed Redis nodes again, masters only after `CLUSTER FAILOVER TAKEOVER` at their replicas; "
            "`make down` and `make up` bring the whole stack back"
        )

    @property
    def _name(self) -> str:
        return str(self.fault.__struct_config__.tag)

    def _victims(self, system: System) -> _Victims:
        return saved_state.read(system, self._name, _Victims) or _Victims(0.0, [])

    def _choose(self, seen: list[Node]) -> list[_Victim]:
        raise NotImplementedError


class RedisKillMasterHands(KillNodesHands[RedisKillMaster]):
    """Puts `redis.kill_master` in place and takes it back."""

    def _choose(self, seen: list[Node]) -> list[_Victim]:
        return _with_replicas(seen, 1)


class RedisKillReplicaHands(KillNodesHands[RedisKillReplica]):
    """Puts `redis.kill_replica` in place and takes it back."""

    def _choose(self, seen: list[Node]) -> list[_Victim]:
        [master] = _with_replicas(seen, 1)
        replica = next(node for node in seen if node.name == master.replica)
        return [_Victim(replica.name, replica.id, "")]


class RedisLoseMajorityHands(KillNodesHands[RedisLoseMajority]):
    """Puts `redis.lose_majority` in place and takes it back."""

    may_promote: ClassVar[bool] = True

    def _choose(self, seen: list[Node]) -> list[_Victim]:
        masters = [node for node in seen if not node.master and node.slots]
        return _with_replicas(seen, len(masters) // 2 + 1)


def _with_replicas(seen: list[Node], number: int) -> list[_Victim]:
    """The masters that own most slots, each with a replica in sync. Raises FaultFailed where there are too few."""
    masters = sorted((node for node in seen if not node.master and node.slots), key=lambda node: -node.owned)
    replicas = {node.master: node.name for node in seen if node.master and node.in_sync}
    chosen = [_Victim(node.name, node.id, replicas[node.id]) for node in masters if node.id in replicas]
    if len(chosen) < number:
        raise FaultFailed(f"only {len(chosen)} Redis masters have a replica in sync, {number} are needed")
    return chosen[:number]


def _whole(system: System, seen: dict[str, Node]) -> Proof:
    if lone := [name for name, node in seen.items() if not node.in_sync]:
        return Proof(False, f"not replicated yet: {', '.join(lone)}")
    for name in seen:
        try:
            state, served = redis_cluster.health(system.target.redis_nodes[name])
        except redis.RedisError as error:
            return Proof(False, f"{name} does not answer: {type(error).__name__}")
        if state != "ok" or served != SLOTS:
            return Proof(False, f"{name} sees the cluster as {state} with {served} slots served")
    return Proof(True, f"{', '.join(seen)} replicate, and each sees all {SLOTS} slots served")
