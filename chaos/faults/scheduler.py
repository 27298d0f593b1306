"""`node.drain` and `service.scale`: what those who run a cluster do to it, on any day."""

from typing import ClassVar

import msgspec

from chaos.control.port import Replicas, Scheduler
from chaos.errors import FaultFailed
from chaos.faults import saved_state
from chaos.faults.hands import Hands, Proof, System
from chaos.spec.faults.scheduler import NodeDrain, ServiceScale

_DRAINED = "drain"
_DONE_WITHIN_SECONDS = 40.0
"""A Swarm starts replicas one after the other, each when the one before it is healthy."""


class _Availability(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The machine that a drain has chosen, and what was said of it before."""

    node: str
    hostname: str
    before: str


class _Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many replicas a service had."""

    before: int


class NodeDrainHands(Hands[NodeDrain]):
    """Puts `node.drain` in place and takes it back."""

    proven_within_seconds: ClassVar[float] = _DONE_WITHIN_SECONDS

    def check(self, system: System) -> None:
        """Refuses where no other machine could take the instances over."""
        scheduler = _scheduler(system)
        chosen, nodes = scheduler.node_of(self.fault.instance), scheduler.nodes()
        if nodes[chosen].availability != "active":
            raise FaultFailed(f"node {nodes[chosen].hostname} is not active already")
        if not any(node.ready and node.availability == "active" for id_, node in nodes.items() if id_ != chosen):
            raise FaultFailed(f"there is no other active node that could take over from {nodes[chosen].hostname}")

    def inject(self, system: System) -> str:
        scheduler = _scheduler(system)
        id_ = scheduler.node_of(self.fault.instance)
        node = scheduler.nodes()[id_]
        saved_state.write(system, self._saved, _Availability(id_, node.hostname, node.availability))
        scheduler.set_availability(id_, _DRAINED)
        return f"node {node.hostname} is to be drained"

    def in_place(self, system: System) -> Proof:
        chosen = saved_state.read(system, self._saved, _Availability)
        if chosen is None:
            return Proof(False, "no node was chosen yet")
        node = _scheduler(system).nodes()[chosen.node]
        told = f"node {node.hostname} is {node.availability}, and runs {'instances' if node.busy else 'none'} of ours"
        return Proof(node.availability == _DRAINED and not node.busy, told)

    def undo(self, system: System) -> None:
        """What has moved stays where it is, as a Swarm moves nothing that runs; what others said since stays said."""
        if (chosen := saved_state.read(system, self._saved, _Availability)) is None:
            return
        node = _scheduler(system).nodes().get(chosen.node)
        if node is not None and node.availability == _DRAINED:
            _scheduler(system).set_availability(chosen.node, chosen.before)

    def undone(self, system: System) -> Proof:
        gone, chosen = self.gone(system), saved_state.read(system, self._saved, _Availability)
        if not gone.holds or chosen is None or self._left_to_others(system, chosen):
            return gone
        states = system.control.states()
        missing = [name for name in system.target.instances if name not in states or not states[name].running]
        return Proof(not missing, f"{gone.detail}; {', '.join(missing) or 'nobody'} is missing")

    def gone(self, system: System) -> Proof:
        chosen = saved_state.read(system, self._saved, _Availability)
        if chosen is None:
            return Proof(True, "no node was chosen")
        node = _scheduler(system).nodes().get(chosen.node)
        if node is None:
            return Proof(True, f"node {chosen.hostname} has left the Swarm")
        if self._left_to_others(system, chosen):
            return Proof(True, f"node {chosen.hostname} was made {node.availability} by somebody else, and is left so")
        return Proof(node.availability == chosen.before, f"node {chosen.hostname} is {node.availability}")

    def _left_to_others(self, system: System, chosen: _Availability) -> bool:
        node = _scheduler(system).nodes().get(chosen.node)
        return node is None or node.availability not in (_DRAINED, chosen.before)

    def by_hand(self) -> str:
        return f"docker node update --availability active the node that {self.fault.instance} ran on; `docker node ls`"

    @property
    def _saved(self) -> str:
        return f"node.drain-{self.fault.instance}"


class ServiceScaleHands(Hands[ServiceScale]):
    """Puts `service.scale` in place and takes it back."""

    proven_within_seconds: ClassVar[float] = _DONE_WITHIN_SECONDS

    def check(self, system: System) -> None:
        """Refuses a service that has so many already, or is not at its number."""
        now = _scheduler(system).replicas(self.fault.service)
        if now.wanted == self.fault.replicas:
            raise FaultFailed(f"{self.fault.service} has {self.fault.replicas} replicas already")
        if now.running != now.wanted:
            raise FaultFailed(f"{self.fault.service} is not at rest: {_words(now)}")

    def inject(self, system: System) -> str:
        scheduler = _scheduler(system)
        before = scheduler.replicas(self.fault.service).wanted
        saved_state.write(system, self._saved, _Scale(before))
        scheduler.scale(self.fault.service, self.fault.replicas)
        return f"{self.fault.service} is to have {self.fault.replicas} replicas, and had {before}"

    def in_place(self, system: System) -> Proof:
        return self._has(system, self.fault.replicas)

    def undo(self, system: System) -> None:
        """Back to what it was, unless somebody else has scaled it since."""
        scheduler, told = _scheduler(system), saved_state.read(system, self._saved, _Scale)
        if told is not None and scheduler.replicas(self.fault.service).wanted == self.fault.replicas:
            scheduler.scale(self.fault.service, told.before)

    def undone(self, system: System) -> Proof:
        told = saved_state.read(system, self._saved, _Scale)
        if told is None:
            return Proof(True, f"{self.fault.service} was not scaled")
        wanted = _scheduler(system).replicas(self.fault.service).wanted
        if wanted not in (self.fault.replicas, told.before):
            return Proof(True, f"{self.fault.service} was scaled to {wanted} by somebody else, and is left so")
        return self._has(system, told.before)

    def by_hand(self) -> str:
        return f"docker service scale {self.fault.service} to what it was; `docker service ls`"

    def _has(self, system: System, replicas: int) -> Proof:
        now = _scheduler(system).replicas(self.fault.service)
        return Proof(now == Replicas(replicas, replicas), f"{self.fault.service}: {_words(now)}")

    @property
    def _saved(self) -> str:
        return f"service.scale-{self.fault.service}"


def _scheduler(system: System) -> Scheduler:
    if not isinstance(system.control, Scheduler):
        raise FaultFailed("the target's instances are not run by a Swarm (`control: {type: docker, swarm: true}`)")
    return system.control


def _words(replicas: Replicas) -> str:
    return f"{replicas.running} replicas of {replicas.wanted} run"
