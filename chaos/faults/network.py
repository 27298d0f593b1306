"""`network.…`: what goes wrong between two parts of the stack, put on a link by Toxiproxy.

A link is a dependency as a whole (`postgres`) or one caller's own way to it (`postgres/shop-2`). Servers and callers
stay as they are; only the way is bad. Each fault but `network.down` is a toxic on the link's proxies.
"""

import socket
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from chaos.errors import FaultFailed
from chaos.faults import saved_state
from chaos.faults.hands import OURS, Hands, Proof, System, each, open_name
from chaos.reach.toxiproxy import Proxy, Toxic, Toxiproxy
from chaos.spec.faults.network import (
    Bandwidth,
    Down,
    Latency,
    OnLink,
    Poisoned,
    ResetPeer,
    SlowClose,
    Timeout,
)
from chaos.spec.values import Duration

AnyOnLink = TypeVar("AnyOnLink", bound=OnLink)
AnyPoisoned = TypeVar("AnyPoisoned", bound=Poisoned)

_CONNECT_WITHIN_SECONDS = 1.0
_CUT_WITHIN_SECONDS = 0.3
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # as Toxiproxy says it in a container; nothing is bound here


class OnLinkHands(Hands[AnyOnLink]):
    """What these faults have in common."""

    def check(self, system: System) -> None:
        if not system.target.urls.toxiproxy:
            raise FaultFailed("the target names no Toxiproxy")
        for proxy in self._proxies(system):
            if not proxy.enabled:
                raise FaultFailed(f"proxy {proxy.name} is disabled already")
            if left := [toxic.name for toxic in proxy.toxics if toxic.name.startswith(OURS)]:
                raise FaultFailed(f"proxy {proxy.name} has {', '.join(left)} already: `make undo` takes it away")

    @property
    def _what(self) -> str:
        return f"{self.fault.__struct_config__.tag}-{self.fault.link.replace('/', '-')}"

    def _proxies(self, system: System) -> list[Proxy]:
        if self.fault.link not in system.target.links:
            raise FaultFailed(f"the target has no link {self.fault.link}")
        there = Toxiproxy(system.target.urls.toxiproxy).proxies()
        names = system.target.links[self.fault.link]
        if missing := [name for name in names if name not in there]:
            raise FaultFailed(f"Toxiproxy has no proxy {', '.join(missing)}")
        return [there[name] for name in names]


class PoisonedHands(OnLinkHands[AnyPoisoned]):
    """What these faults have in common."""

    def attributes(self) -> dict[str, int]:
        """Toxiproxy's settings of it."""
        raise NotImplementedError

    def inject(self, system: System) -> str:
        proxies = self._proxies(system)
        for proxy in proxies:
            for toxic in self._toxics(system):
                Toxiproxy(system.target.urls.toxiproxy).add(proxy.name, toxic)
        return f"{self.fault.kind()} is on {', '.join(proxy.name for proxy in proxies)}"

    def in_place(self, system: System) -> Proof:
        proxies = self._proxies(system)
        for proxy in proxies:
            if not proxy.enabled:
                return Proof(False, f"proxy {proxy.name} is disabled")
            for toxic in self._toxics(system):
                found = proxy.toxic(toxic.name)
                if found is None or not found.is_like(toxic):
                    return Proof(False, f"proxy {proxy.name} has {found or 'no ' + toxic.name}")
        return Proof(True, f"{len(proxies)} proxies have it")

    def undo(self, system: System) -> None:
        """Only what is ours, wherever it is: the link may be called otherwise by now, others' toxics are none of it."""
        toxiproxy = Toxiproxy(system.target.urls.toxiproxy)
        each(self._poisoned(system), lambda one: toxiproxy.remove(*one))

    def undone(self, system: System) -> Proof:
        if left := self._poisoned(system):
            named = ", ".join(f"{toxic} on {proxy}" for proxy, toxic in left)
            return Proof(False, f"there is still {named}")
        return Proof(True, f"{self.fault.kind()} of link {self.fault.link} is on no proxy")

    def _poisoned(self, system: System) -> list[tuple[str, str]]:
        """Each proxy that has one of our toxics, and the toxic."""
        names = {toxic.name for toxic in self._toxics(system)}
        there = Toxiproxy(system.target.urls.toxiproxy).proxies().values()
        return [(proxy.name, toxic.name) for proxy in there for toxic in proxy.toxics if toxic.name in names]

    def by_hand(self) -> str:
        toxics = f"{open_name(self._what)}-<stream>"
        return f"curl -X DELETE <toxiproxy>/proxies/<each of link {self.fault.link}>/toxics/{toxics}"

    def _toxics(self, system: System) -> list[Toxic]:
        streams = ["upstream", "downstream"] if self.fault.direction == "both" else [self.fault.direction]
        names = [system.called(f"{self._what}-{stream}") for stream in streams]
        return [
            Toxic(name, self.fault.kind(), stream, self.attributes(), self.fault.share)
            for name, stream in zip(names, streams, strict=True)
        ]


class LatencyHands(PoisonedHands[Latency]):
    """Puts `network.latency` in place and takes it back."""

    def attributes(self) -> dict[str, int]:
        return {"latency": _ms(self.fault.latency), "jitter": _ms(self.fault.jitter)}


class BandwidthHands(PoisonedHands[Bandwidth]):
    """Puts `network.bandwidth` in place and takes it back."""

    def attributes(self) -> dict[str, int]:
        return {"rate": int(self.fault.rate.removesuffix("KB/s"))}


class TimeoutHands(PoisonedHands[Timeout]):
    """Puts `network.timeout` in place and takes it back."""

    def attributes(self) -> dict[str, int]:
        return {"timeout": _ms(self.fault.closes_after)}


class ResetPeerHands(PoisonedHands[ResetPeer]):
    """Puts `network.reset_peer` in place and takes it back."""

    def attributes(self) -> dict[str, int]:
        # Not later: Toxiproxy waits such a time out also when the toxic is taken away.
        return {"timeout": 0}

    def renew(self, system: System) -> None:
        """Throw again which connections are hit: of a pool only those that are not would be left, and hide it."""
        if self.fault.share < 1:
            for proxy in self._proxies(system):
                for toxic in self._toxics(system):
                    Toxiproxy(system.target.urls.toxiproxy).set_again(proxy.name, toxic)


class SlowCloseHands(PoisonedHands[SlowClose]):
    """Puts `network.slow_close` in place and takes it back."""

    def attributes(self) -> dict[str, int]:
        return {"delay": _ms(self.fault.delay)}


class _Disabled(msgspec.Struct, frozen=True):
    proxies: list[str]


class DownHands(OnLinkHands[Down]):
    """Puts `network.down` in place and takes it back."""

    def inject(self, system: System) -> str:
        names = [proxy.name for proxy in self._proxies(system) if proxy.enabled]
        saved_state.write(system, open_name(self._what), _Disabled(names))
        for name in names:
            Toxiproxy(system.target.urls.toxiproxy).enable(name, False)
        return f"{', '.join(names)} refuse connections"

    def in_place(self, system: System) -> Proof:
        proxies = self._proxies(system)
        for proxy in proxies:
            if proxy.enabled or _takes_connections(proxy, system.target.urls.toxiproxy):
                return Proof(False, f"proxy {proxy.name} takes connections")
        return Proof(True, f"{len(proxies)} proxies refuse connections")

    def undo(self, system: System) -> None:
        ours = [proxy.name for proxy in self._disabled(system)]
        each(ours, lambda name: Toxiproxy(system.target.urls.toxiproxy).enable(name, True))

    def undone(self, system: System) -> Proof:
        ours = self._disabled(system)
        for proxy in ours:
            if not (proxy.enabled and _takes_connections(proxy, system.target.urls.toxiproxy)):
                return Proof(False, f"proxy {proxy.name} takes no connections")
        return Proof(True, f"{len(ours)} proxies of link {self.fault.link} take connections")

    def _disabled(self, system: System) -> list[Proxy]:
        """Those that were disabled and are there: of one that is gone nothing is left to be put back."""
        disabled = saved_state.read(system, open_name(self._what), _Disabled)
        there = Toxiproxy(system.target.urls.toxiproxy).proxies()
        return [there[name] for name in (disabled.proxies if disabled else ()) if name in there]

    def by_hand(self) -> str:
        return f"""curl -d '{{"enabled": true}}' <toxiproxy>/proxies/<each of link {self.fault.link}>"""


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
