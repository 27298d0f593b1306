"""`network.…`: what goes wrong between two parts of the stack, put on a link by Toxiproxy.

A link is a dependency as a whole (`postgres`) or one caller's own way to it (`postgres/shop-2`). Servers and callers
stay as they are; only the way is bad. Each fault but `network.down` is a toxic on the link's proxies.
"""

import socket
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from chaos.errors import FaultFailed
from chaos.faults.fault import FaultFields, Proof, System
from chaos.machine import saved_state
from chaos.reach.toxiproxy import Proxy, Toxic, Toxiproxy
from chaos.spec.values import Duration

_PREFIX = "stormdrill"
_CONNECT_WITHIN_SECONDS = 1.0
_CUT_WITHIN_SECONDS = 0.3
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # as Toxiproxy says it in a container; nothing is bound here
_COMMON_FIELDS = frozenset({"for_", "link", "share", "direction"})

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Direction = Literal["upstream", "downstream", "both"]
Rate = Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d{0,6}KB/s$")]


class _OnLink(FaultFields, frozen=True):
    """A fault of a link."""

    link: str
    """One of the target's links."""

    def links(self) -> tuple[str, ...]:
        """See Fault."""
        return (self.link,)

    def check(self, system: System) -> None:
        """See Fault."""
        if not system.target.urls.toxiproxy:
            raise FaultFailed("the target names no Toxiproxy")
        for proxy in self._proxies(system):
            if not proxy.enabled:
                raise FaultFailed(f"proxy {proxy.name} is disabled already")
            if left := [toxic.name for toxic in proxy.toxics if toxic.name.startswith(_PREFIX)]:
                raise FaultFailed(f"proxy {proxy.name} has {', '.join(left)} already: `make undo` takes it away")

    def _name(self) -> str:
        return f"{_PREFIX}-{self.__struct_config__.tag}-{self.link.replace('/', '-')}"

    def _proxies(self, system: System) -> list[Proxy]:
        if self.link not in system.target.links:
            raise FaultFailed(f"the target has no link {self.link}")
        there = Toxiproxy(system.target.urls.toxiproxy).proxies()
        names = system.target.links[self.link]
        if missing := [name for name in names if name not in there]:
            raise FaultFailed(f"Toxiproxy has no proxy {', '.join(missing)}")
        return [there[name] for name in names]


class _Poisoned(_OnLink, frozen=True, kw_only=True):
    """A link with a toxic on all its proxies."""

    share: Share = 1.0
    """Of the connections, thrown for each when it is opened."""
    direction: Direction = "downstream"
    """`upstream`: what callers send; `downstream`: what they are answered."""

    def kind(self) -> str:
        """Toxiproxy's name for it."""
        raise NotImplementedError

    def attributes(self) -> dict[str, int]:
        """Toxiproxy's settings of it."""
        raise NotImplementedError

    def describe(self) -> str:
        """See Fault."""
        hit = "every connection" if self.share == 1 else f"{self.share:.0%} of the connections"
        return f"{self._settings()} on {hit} of link {self.link} for {self.for_}"

    def inject(self, system: System) -> str:
        """See Fault."""
        proxies = self._proxies(system)
        for proxy in proxies:
            for toxic in self._toxics():
                Toxiproxy(system.target.urls.toxiproxy).add(proxy.name, toxic)
        return f"{self.kind()} is on {', '.join(proxy.name for proxy in proxies)}"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        proxies = self._proxies(system)
        for proxy in proxies:
            if not proxy.enabled:
                return Proof(False, f"proxy {proxy.name} is disabled")
            for toxic in self._toxics():
                found = proxy.toxic(toxic.name)
                if found is None or not found.is_like(toxic):
                    return Proof(False, f"proxy {proxy.name} has {found or 'no ' + toxic.name}")
        return Proof(True, f"{len(proxies)} proxies have it")

    def undo(self, system: System) -> None:
        """See Fault."""
        for proxy in self._proxies(system):
            for toxic in self._toxics():
                Toxiproxy(system.target.urls.toxiproxy).remove(proxy.name, toxic.name)

    def undone(self, system: System) -> Proof:
        """See Fault."""
        proxies = self._proxies(system)
        names = [toxic.name for toxic in self._toxics()]
        for proxy in proxies:
            if left := [name for name in names if proxy.toxic(name)]:
                return Proof(False, f"proxy {proxy.name} still has {', '.join(left)}")
        return Proof(True, f"{self.kind()} is gone from {len(proxies)} proxies of link {self.link}")

    def by_hand(self) -> str:
        """See Fault."""
        return f"curl -X DELETE <toxiproxy>/proxies/<each of link {self.link}>/toxics/{self._name()}-<stream>"

    def _toxics(self) -> list[Toxic]:
        streams = ["upstream", "downstream"] if self.direction == "both" else [self.direction]
        return [
            Toxic(f"{self._name()}-{stream}", self.kind(), stream, self.attributes(), self.share) for stream in streams
        ]

    def _settings(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _COMMON_FIELDS}
        given = [f"{name} {value}" for name, value in shown.items() if value is not None]
        return ", ".join([f"{self.kind()} {self.direction}", *given])


class Latency(_Poisoned, frozen=True, kw_only=True, tag="network.latency"):
    """Everything takes longer on its way."""

    latency: Duration
    jitter: Duration | None = None
    """Added or taken off, evenly distributed, for each piece of data."""

    def kind(self) -> str:
        """See above."""
        return "latency"

    def attributes(self) -> dict[str, int]:
        """See above."""
        return {"latency": _ms(self.latency), "jitter": _ms(self.jitter)}


class Bandwidth(_Poisoned, frozen=True, kw_only=True, tag="network.bandwidth"):
    """Each connection carries only so much."""

    rate: Rate
    """Of each connection, such as `10KB/s`; a kilobyte is 1000 bytes."""

    def kind(self) -> str:
        """See above."""
        return "bandwidth"

    def attributes(self) -> dict[str, int]:
        """See above."""
        return {"rate": int(self.rate.removesuffix("KB/s"))}


class Timeout(_Poisoned, frozen=True, kw_only=True, tag="network.timeout"):
    """Data gets lost and connections stay open: callers wait until they give up."""

    closes_after: Duration | None = None
    """When the connection is closed after all; None: never."""

    def kind(self) -> str:
        """See above."""
        return "timeout"

    def attributes(self) -> dict[str, int]:
        """See above."""
        return {"timeout": _ms(self.closes_after)}


class ResetPeer(_Poisoned, frozen=True, kw_only=True, tag="network.reset_peer"):
    """A connection is cut as soon as data goes through it, and that data is lost."""

    def kind(self) -> str:
        """See above."""
        return "reset_peer"

    def attributes(self) -> dict[str, int]:
        """See above."""
        # Not later: Toxiproxy waits such a time out also when the toxic is taken away.
        return {"timeout": 0}

    def renew(self, system: System) -> None:
        """Throw again which connections are hit: of a pool only those that are not would be left, and hide it."""
        if self.share < 1:
            for proxy in self._proxies(system):
                for toxic in self._toxics():
                    Toxiproxy(system.target.urls.toxiproxy).set_again(proxy.name, toxic)


class SlowClose(_Poisoned, frozen=True, kw_only=True, tag="network.slow_close"):
    """The end of a connection is passed on late."""

    delay: Duration

    def kind(self) -> str:
        """See above."""
        return "slow_close"

    def attributes(self) -> dict[str, int]:
        """See above."""
        return {"delay": _ms(self.delay)}


class _Disabled(msgspec.Struct, frozen=True):
    proxies: list[str]


class Down(_OnLink, frozen=True, tag="network.down"):
    """Connections are refused, and those that are open are cut."""

    def describe(self) -> str:
        """See Fault."""
        return f"connections of link {self.link} are cut and refused for {self.for_}"

    def inject(self, system: System) -> str:
        """See Fault."""
        names = [proxy.name for proxy in self._proxies(system) if proxy.enabled]
        saved_state.write(system, self._name(), _Disabled(names))
        for name in names:
            Toxiproxy(system.target.urls.toxiproxy).enable(name, False)
        return f"{', '.join(names)} refuse connections"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        proxies = self._proxies(system)
        for proxy in proxies:
            if proxy.enabled or _takes_connections(proxy, system.target.urls.toxiproxy):
                return Proof(False, f"proxy {proxy.name} takes connections")
        return Proof(True, f"{len(proxies)} proxies refuse connections")

    def undo(self, system: System) -> None:
        """See Fault."""
        disabled = saved_state.read(system, self._name(), _Disabled)
        for name in disabled.proxies if disabled else []:
            Toxiproxy(system.target.urls.toxiproxy).enable(name, True)

    def undone(self, system: System) -> Proof:
        """See Fault."""
        disabled = saved_state.read(system, self._name(), _Disabled)
        names = disabled.proxies if disabled else []
        for proxy in self._proxies(system):
            if proxy.name in names and not (proxy.enabled and _takes_connections(proxy, system.target.urls.toxiproxy)):
                return Proof(False, f"proxy {proxy.name} takes no connections")
        return Proof(True, f"{len(names)} proxies of link {self.link} take connections")

    def by_hand(self) -> str:
        """See Fault."""
        return f"""curl -d '{{"enabled": true}}' <toxiproxy>/proxies/<each of link {self.link}>"""


def _ms(duration: Duration | None) -> int:
    return 0 if duration is None else round(duration.in_seconds * 1000)


def _takes_connections(proxy: Proxy, toxiproxy: str) -> bool:
    address, api = urlsplit(f"//{proxy.listen}"), urlsplit(toxiproxy)
    assert address.hostname is not None
    assert address.port is not None
    everywhere = address.hostname in _EVERYWHERE
    host = api.hostname if everywhere and api.hostname else address.hostname
    try:
        with socket.create_connection((host, address.port), timeout=_CONNECT_WITHIN_SECONDS) as connection:
            return not everywhere or _is_kept(connection)
    except OSError:
        return False


def _is_kept(connection: socket.socket) -> bool:
    """Whether somebody listens behind it: Docker takes connections for a container, and cuts them if nobody does."""
    connection.settimeout(_CUT_WITHIN_SECONDS)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
