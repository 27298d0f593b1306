"""`haproxy.drain`, `haproxy.fool_checks`: the load balancer itself treats servers otherwise than it should."""

from pathlib import Path

from chaos.errors import FaultFailed
from chaos.faults.hands import Hands, Proof, System, each
from chaos.reach.haproxy import DRAINED, IN_MAINTENANCE, HAProxy, second_server
from chaos.spec.faults.balancer import HAProxyDrain, HAProxyFoolChecks

_DRAINED = "DRAIN"


class HAProxyDrainHands(Hands[HAProxyDrain]):
    """Puts `haproxy.drain` in place and takes it back."""

    def check(self, system: System) -> None:
        """Refuses servers that are not in use, whose state would be put back as it was not."""
        assert_used(system, self.fault.server)

    def inject(self, system: System) -> str:
        haproxy = _haproxy(system)
        servers = haproxy.servers_of(self.fault.server)
        for server in servers:
            haproxy.tell(f"set server {server} state drain")
        return f"HAProxy was told to drain {' and '.join(servers)}"

    def in_place(self, system: System) -> Proof:
        return _all_say(_DRAINED, system, (self.fault.server,))

    def undo(self, system: System) -> None:
        """Of what is still drained: what somebody else has put into maintenance since stays there."""
        haproxy = _haproxy(system)
        ours = [one for one in haproxy.servers_of(self.fault.server) if haproxy.admin_state(one) & DRAINED]
        each(ours, lambda server: haproxy.tell(f"set server {server} state ready"))

    def undone(self, system: System) -> Proof:
        haproxy = _haproxy(system)
        servers = haproxy.servers_of(self.fault.server)
        others = [one for one in servers if haproxy.admin_state(one) & IN_MAINTENANCE]
        said = {one: haproxy.status(one) or "gone" for one in servers if one not in others}
        left = [f"{one} is in somebody else's maintenance, and left so" for one in others]
        details = [*left, *(f"HAProxy says {status} of {one}" for one, status in said.items())]
        return Proof(all(status == "UP" for status in said.values()), ", ".join(details))

    def by_hand(self) -> str:
        second = second_server(self.fault.server)
        commands = f"set server {self.fault.server} state ready; set server {second} state ready"
        return f"echo '{commands}' into HAProxy's admin socket (it may have no {second})"


class HAProxyFoolChecksHands(Hands[HAProxyFoolChecks]):
    """Puts `haproxy.fool_checks` in place and takes it back."""

    def check(self, system: System) -> None:
        """Refuses a server that is not in use, or is checked elsewhere as it is."""
        for server in (*self.fault.servers, self.fault.asks):
            assert_used(system, server)
        if not (as_it_is := self._checked_at(system, own=True)).holds:
            raise FaultFailed(f"its health is not checked where it serves: {as_it_is.detail}")

    def inject(self, system: System) -> str:
        haproxy = _haproxy(system)
        port, _ = haproxy.ports(self.fault.asks)
        servers = _all_servers(system, self.fault.servers)
        for server in servers:
            haproxy.tell(f"set server {server} check-port {port}")
        return f"HAProxy was told to ask port {port} for the health of {', '.join(servers)}"

    def in_place(self, system: System) -> Proof:
        """That users' requests fail may eject it for a moment, until checks have passed again."""
        return self._checked_at(system, own=False)

    def undo(self, system: System) -> None:
        """Of what is still asked at the other's port: another one was somebody else's wish."""
        haproxy = _haproxy(system)
        other, _ = haproxy.ports(self.fault.asks)
        ours = [one for one in _all_servers(system, self.fault.servers) if haproxy.ports(one)[1] == other]
        each(ours, lambda server: haproxy.tell(f"set server {server} check-port {haproxy.ports(server)[0]}"))

    def undone(self, system: System) -> Proof:
        other, _ = _haproxy(system).ports(self.fault.asks)
        ports = {one: _haproxy(system).ports(one) for one in _all_servers(system, self.fault.servers)}
        if wished := [one for one, (own, asked) in ports.items() if asked not in (own, other)]:
            return Proof(True, f"somebody else has {', '.join(wished)} asked at another port, which is left so")
        own = self._checked_at(system, own=True)
        return _all_say("UP", system, self.fault.servers) if own.holds else own

    def by_hand(self) -> str:
        servers = ", ".join(
            f"{server} and {second_server(server)} (there may be none)" for server in self.fault.servers
        )
        return f"tell HAProxy's admin socket `set server … check-port …`, each its own port, for {servers}"

    def _checked_at(self, system: System, own: bool) -> Proof:
        ports = {server: _haproxy(system).ports(server) for server in _all_servers(system, self.fault.servers)}
        other, _ = _haproxy(system).ports(self.fault.asks)
        right = all(checked == (port if own else other) for port, checked in ports.values())
        words = (f"{server} serves at {port}, and is checked at {checked}" for server, (port, checked) in ports.items())
        return Proof(right, ", ".join(words))


def assert_used(system: System, server: str) -> None:
    """Raises FaultFailed when HAProxy does not know the server, or gives it or its second one no requests.

    A second server that is elsewhere is that of another instance: in a Swarm HAProxy numbers replicas as it finds them.
    """
    haproxy = _haproxy(system)
    if haproxy.status(server) is None:
        raise FaultFailed(f"HAProxy has no server {server}")
    address = haproxy.address(server)
    for one in haproxy.servers_of(server):
        if (its := haproxy.address(one)) != address:
            raise FaultFailed(f"{one} is at {its}, and {server} at {address}: HAProxy would go on using the instance")
        if (status := haproxy.status(one)) != "UP":
            raise FaultFailed(f"HAProxy does not use {one} ({status})")


def _all_servers(system: System, servers: tuple[str, ...]) -> tuple[str, ...]:
    haproxy = _haproxy(system)
    return tuple(one for server in servers for one in haproxy.servers_of(server))


def _all_say(wanted: str, system: System, servers: tuple[str, ...]) -> Proof:
    said = {server: _haproxy(system).status(server) for server in _all_servers(system, servers)}
    details = ", ".join(f"HAProxy says {status} of {server}" for server, status in said.items())
    return Proof(all(status == wanted for status in said.values()), details)


def _haproxy(system: System) -> HAProxy:
    if not system.target.haproxy:
        raise FaultFailed("the target file names no admin socket of HAProxy (`haproxy:`)")
    return HAProxy(Path(system.target.haproxy))
