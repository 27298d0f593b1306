"""`traffic.…`: more users, all after one product, or in no hurry; an agent sends them beside the measured load."""

import ipaddress
import resource
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from chaos.errors import FaultFailed
from chaos.faults import agent
from chaos.faults.fault import FaultFields, Proof, System
from chaos.spec.load import LoadSettings
from chaos.spec.values import Duration

_MOST_CONNECTIONS = 9_000
_MOST_PER_SECOND = 2_000

Reads: TypeAlias = Literal["products", "orders"]
"""`products` by popularity, as the measured users read them; `orders` that do not exist, which no cache keeps."""


class _Traffic(FaultFields, frozen=True):
    """An agent sends requests until the undo."""

    def kind(self) -> str:
        """The agent's module."""
        raise NotImplementedError

    def arguments(self, system: System) -> dict[str, Any]:
        """What the agent is told, besides where to send it."""
        raise NotImplementedError

    def check(self, system: System) -> None:
        """See Fault."""
        host, _ = _address(system)
        # Thousands of connections to somebody else's server would be an attack, not an experiment.
        if not _is_loopback(host):
            raise FaultFailed(f"traffic goes to this machine only, not to {host}")

    def inject(self, system: System) -> str:
        """See Fault."""
        host, port = _address(system)
        told = {"host": host, "port": port} | self.arguments(system)
        return agent.start(system, self._name, self.kind(), told, self.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        return agent.acts(system, self._name)

    def undo(self, system: System) -> None:
        """See Fault."""
        agent.stop(system, self._name)

    def undone(self, system: System) -> Proof:
        """See Fault."""
        return agent.stopped(system, self._name)

    def by_hand(self) -> str:
        """See Fault."""
        return agent.by_hand("<state folder>", self._name)

    @property
    def _name(self) -> str:
        return str(self.__struct_config__.tag)


class TrafficSurge(_Traffic, frozen=True, tag="traffic.surge"):
    """So many times the usual users, the measured ones among them."""

    factor: Annotated[float, msgspec.Meta(gt=1, le=40)]
    reads: Reads = "products"

    def describe(self) -> str:
        """See Fault."""
        return f"{self.factor:g} times the usual requests, all more of them reads of {self.reads}, for {self.for_}"

    def kind(self) -> str:
        """See above."""
        return "surge"

    def arguments(self, system: System) -> dict[str, Any]:
        """See above."""
        rate = min(_MOST_PER_SECOND, (self.factor - 1) * LoadSettings().rate_per_second)
        return {"rate_per_second": rate, "at_most": 2_000, "reads": self.reads}


class TrafficCrowd(_Traffic, frozen=True, tag="traffic.crowd"):
    """So many more users at a time, each of whom asks anew as soon as it is answered: as fast as they are served."""

    users: Annotated[int, msgspec.Meta(gt=0, le=2_000)]
    reads: Reads = "products"

    def describe(self) -> str:
        """See Fault."""
        return f"{self.users} more users who read {self.reads} without a pause for {self.for_}"

    def kind(self) -> str:
        """See above."""
        return "crowd"

    def arguments(self, system: System) -> dict[str, Any]:
        """See above."""
        return {"users": self.users, "reads": self.reads}


class TrafficHotKey(_Traffic, frozen=True, tag="traffic.hot_key"):
    """Everybody wants one product, whose cached entry is deleted before each rush."""

    product: str
    readers: Annotated[int, msgspec.Meta(gt=0, le=1_000)] = 200
    every: Duration = Duration(seconds=1)

    def describe(self) -> str:
        """See Fault."""
        return (
            f"{self.readers} readers of {self.product} at once, its entry deleted, every {self.every} for {self.for_}"
        )

    def check(self, system: System) -> None:
        """See Fault."""
        super().check(system)
        if system.target.redis is None or not system.target.redis.cache_prefix:
            raise FaultFailed("the target does not say where its cache is")

    def kind(self) -> str:
        """See above."""
        return "hot_key"

    def arguments(self, system: System) -> dict[str, Any]:
        """See above."""
        assert system.target.redis is not None
        return {
            "nodes": list(system.target.redis_nodes.values()),
            "prefix": system.target.redis.cache_prefix,
            "product": self.product,
            "readers": self.readers,
            "every_seconds": self.every.in_seconds,
        }


class TrafficSlowClients(_Traffic, frozen=True, tag="traffic.slow_clients"):
    """Connections that stay open and do next to nothing."""

    connections: Annotated[int, msgspec.Meta(gt=0, le=_MOST_CONNECTIONS)]
    sends: Literal["nothing", "headers", "body"]
    """`nothing` after one request; or a byte a second of a request's headers, or of an order's body."""

    def describe(self) -> str:
        """See Fault."""
        what = "stay idle" if self.sends == "nothing" else f"send a byte of their {self.sends} a second"
        return f"{self.connections} connections that {what}, for {self.for_}"

    def check(self, system: System) -> None:
        """See Fault."""
        super().check(system)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY and most < self.connections + 100:
            raise FaultFailed(f"{self.connections} connections: a process here may open {most} files")

    def kind(self) -> str:
        """See above."""
        return "slow_clients"

    def arguments(self, system: System) -> dict[str, Any]:
        """See above."""
        return {"connections": self.connections, "sends": self.sends, "path": "/products/sku-0001"}


def _address(system: System) -> tuple[str, int]:
    url = urlsplit(system.target.urls.users)
    return url.hostname or "", url.port or 80


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
