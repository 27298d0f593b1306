"""`redis.cut_off_master`: a master lives on and nobody reaches it, neither users nor its replica.

The cluster's nodes see each other on another way and all seems well to them, so that nobody takes over.
"""

import msgspec

from chaos.errors import FaultFailed
from chaos.faults import network, saved_state
from chaos.faults.hands import Hands, Proof, System
from chaos.reach import redis_cluster
from chaos.spec.faults.network import Down
from chaos.spec.faults.redis_link import RedisCutOffMaster

_SAVED = "redis.cut_off_master"


class _Chosen(msgspec.Struct, frozen=True):
    name: str
    replica: str


class RedisCutOffMasterHands(Hands[RedisCutOffMaster]):
    """Puts `redis.cut_off_master` in place and takes it back."""

    def check(self, system: System) -> None:
        self._down(self._choose(system)).check(system)

    def inject(self, system: System) -> str:
        chosen = self._choose(system)
        saved_state.write(system, _SAVED, chosen)
        return self._down(chosen).inject(system)

    def in_place(self, system: System) -> Proof:
        chosen = saved_state.read(system, _SAVED, _Chosen)
        return self._down(chosen).in_place(system) if chosen else Proof(False, "no master was chosen")

    def chosen(self, system: System) -> list[str]:
        chosen = saved_state.read(system, _SAVED, _Chosen)
        return [chosen.name] if chosen else []

    def undo(self, system: System) -> None:
        if chosen := saved_state.read(system, _SAVED, _Chosen):
            self._down(chosen).undo(system)

    def undone(self, system: System) -> Proof:
        chosen = saved_state.read(system, _SAVED, _Chosen)
        if chosen is None:
            return Proof(True, "nothing was cut off")
        proof = self._down(chosen).undone(system)
        if not proof.holds:
            return proof
        seen = {node.name: node for node in redis_cluster.look(system.target.redis_nodes)}
        back = chosen.replica in seen and seen[chosen.replica].in_sync
        return Proof(back, f"{proof.detail}; its replica {chosen.replica} is {'' if back else 'not yet '}in sync")

    def by_hand(self) -> str:
        return "enable every proxy of the link `redis` in Toxiproxy: POST <toxiproxy>/proxies/<name> enabled=true"

    def _down(self, chosen: _Chosen) -> network.DownHands:
        return network.DownHands(Down(for_=self.fault.for_, link=chosen.name))

    def _choose(self, system: System) -> _Chosen:
        seen = redis_cluster.look(system.target.redis_nodes)
        replicas = {node.master: node.name for node in seen if node.master and node.in_sync}
        for master in redis_cluster.masters(system.target.redis_nodes):
            if master.id in replicas:
                return _Chosen(master.name, replicas[master.id])
        raise FaultFailed("no Redis master has a replica in sync")
