"""`traffic.…`: more users, all after one product, or in no hurry; an agent sends them beside the measured load."""

import ipaddress
import resource
from typing import Any, TypeVar
from urllib.parse import urlsplit

from chaos.errors import FaultFailed
from chaos.faults import agent
from chaos.faults.hands import Hands, Proof, System
from chaos.spec.faults.traffic import (
    Traffic,
    TrafficCrowd,
    TrafficHotKey,
    TrafficSlowClients,
    TrafficSurge,
)
from chaos.spec.load import LoadSettings

AnyTraffic = TypeVar("AnyTraffic", bound=Traffic)

_MOST_PER_SECOND = 2_000
_MOST_OF_ONE_ADDRESS = 20_000
"""Linux gives clients 28,232 ports, and others need some."""


class TrafficHands(Hands[AnyTraffic]):
    """What these faults have in common."""

    def kind(self) -> str:
        """The agent's module."""
        raise NotImplementedError

    def arguments(self, system: System) -> dict[str, Any]:
        """What the agent is told, besides where to send it."""
        raise NotImplementedError

    def check(self, system: System) -> None:
        host, _ = _address(system)
        # Thousands of connections to somebody else's server would be an attack, not an experiment.
        if not _is_loopback(host):
            raise FaultFailed(f"traffic goes to this machine only, not to {host}")

    def inject(self, system: System) -> str:
        host, port = _address(system)
        told = {"host": host, "port": port} | self.arguments(system)
        return agent.start(system, self._name, self.kind(), told, self.fault.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        return agent.acts(system, self._name)

    def undo(self, system: System) -> None:
        agent.stop(system, self._name)

    def undone(self, system: System) -> Proof:
        return agent.stopped(system, self._name)

    def by_hand(self) -> str:
        return agent.by_hand("<state folder>", self._name)

    @property
    def _name(self) -> str:
        return str(self.fault.__struct_config__.tag)


class TrafficSurgeHands(TrafficHands[TrafficSurge]):
    """Puts `traffic.surge` in place and takes it back."""

    def kind(self) -> str:
        return "surge"

    def arguments(self, system: System) -> dict[str, Any]:
        rate = min(_MOST_PER_SECOND, (self.fault.factor - 1) * LoadSettings().rate_per_second)
        return {"rate_per_second": rate, "at_most": 2_000, "reads": self.fault.reads, "address": self.fault.address}


class TrafficCrowdHands(TrafficHands[TrafficCrowd]):
    """Puts `traffic.crowd` in place and takes it back."""

    def kind(self) -> str:
        return "crowd"

    def arguments(self, system: System) -> dict[str, Any]:
        return {"users": self.fault.users, "reads": self.fault.reads}


class TrafficHotKeyHands(TrafficHands[TrafficHotKey]):
    """Puts `traffic.hot_key` in place and takes it back."""

    def check(self, system: System) -> None:
        super().check(system)
        if system.target.redis is None or not system.target.redis.cache_prefix:
            raise FaultFailed("the target does not say where its cache is")

    def kind(self) -> str:
        return "hot_key"

    def arguments(self, system: System) -> dict[str, Any]:
        assert system.target.redis is not None
        return {
            "nodes": list(system.target.redis_nodes.values()),
            "prefix": system.target.redis.cache_prefix,
            "product": self.fault.product,
            "readers": self.fault.readers,
            "every_seconds": self.fault.every.in_seconds,
        }


class TrafficSlowClientsHands(TrafficHands[TrafficSlowClients]):
    """Puts `traffic.slow_clients` in place and takes it back."""

    def check(self, system: System) -> None:
        super().check(system)
        if not (wanted := self._connections(system)):
            raise FaultFailed("the target does not say how many connections users may have")
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY and most < wanted + 100:
            raise FaultFailed(f"{wanted} connections: a process here may open {most} files")
        if wanted > _MOST_OF_ONE_ADDRESS:
            raise FaultFailed(f"{wanted} connections: one address has ports for {_MOST_OF_ONE_ADDRESS}")

    def kind(self) -> str:
        return "slow_clients"

    def arguments(self, system: System) -> dict[str, Any]:
        return {"connections": self._connections(system), "sends": self.fault.sends, "path": "/products/sku-0001"}

    def _connections(self, system: System) -> int:
        return self.fault.connections or round(self.fault.share * system.target.connections)


def _address(system: System) -> tuple[str, int]:
    url = urlsplit(system.target.urls.users)
    return url.hostname or "", url.port or 80


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
