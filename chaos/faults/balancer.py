"""`haproxy.drain`, `haproxy.fool_checks`: the load balancer itself treats servers otherwise than it should."""

from pathlib import Path

from chaos.errors import FaultFailed
from chaos.faults.fault import FaultFields, Proof, System
from chaos.reach.haproxy import HAProxy, second_server


class HAProxyDrain(FaultFields, frozen=True, forbid_unknown_fields=True, tag="haproxy.drain"):
    """HAProxy gives a healthy server no new requests, as before maintenance.

    So it does with the second server that panic routing has for the instance: that would get requests in a panic.
    """

    server: str
    """`backend/server`, as HAProxy names it."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        assert_named(self.server)

    def describe(self) -> str:
        """See Fault."""
        return f"HAProxy drains {self.server} for {self.for_}"

    def aims_at(self) -> str | None:
        """See Fault; HAProxy calls its servers as the instances are called."""
        return self.server.partition("/")[2]

    def check(self, system: System) -> None:
        """See Fault; refuses servers that are not in use, whose state would be put back as it was not."""
        assert_used(system, self.server)

    def inject(self, system: System) -> str:
        """See Fault."""
        haproxy = _haproxy(system)
        servers = haproxy.servers_of(self.server)
        for server in servers:
            haproxy.tell(f"set server {server} state drain")
        return f"HAProxy was told to drain {' and '.join(servers)}"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        return _all_say("DRAIN", system, (self.server,))

    def undo(self, system: System) -> None:
        """See Fault."""
        haproxy = _haproxy(system)
        for server in haproxy.servers_of(self.server):
            haproxy.tell(f"set server {server} state ready")

    def undone(self, system: System) -> Proof:
        """See Fault."""
        return _all_say("UP", system, (self.server,))

    def by_hand(self) -> str:
        """See Fault."""
        second = second_server(self.server)
        commands = f"set server {self.server} state ready; set server {second} state ready"
        return f"echo '{commands}' into HAProxy's admin socket (it may have no {second})"


class HAProxyFoolChecks(FaultFields, frozen=True, forbid_unknown_fields=True, tag="haproxy.fool_checks"):
    """HAProxy asks a healthy server for the health of others, as with a health check of something else.

    Switching the checks off would not do: without checks that pass, HAProxy ejects who fails some times in a row. The
    second server of each, for panic routing, has checks of its own and is fooled as well.
    """

    servers: tuple[str, ...]
    """Each `backend/server`, as HAProxy names it."""
    asks: str
    """The `backend/server` that answers in their place."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not self.servers:
            raise ValueError("`servers` names none")
        if self.asks in self.servers:
            raise ValueError("`asks` names one of `servers`")
        for server in (*self.servers, self.asks):
            assert_named(server)

    def describe(self) -> str:
        """See Fault."""
        return f"HAProxy asks {self.asks} for the health of {', '.join(self.servers)} for {self.for_}"

    def instances(self) -> tuple[str, ...]:
        """See Fault; HAProxy calls its servers as the instances are called."""
        return tuple(server.partition("/")[2] for server in self.servers)

    def check(self, system: System) -> None:
        """See Fault; refuses a server that is not in use, or is checked elsewhere as it is."""
        for server in (*self.servers, self.asks):
            assert_used(system, server)
        if not (as_it_is := self._checked_at(system, own=True)).holds:
            raise FaultFailed(f"its health is not checked where it serves: {as_it_is.detail}")

    def inject(self, system: System) -> str:
        """See Fault."""
        haproxy = _haproxy(system)
        port, _ = haproxy.ports(self.asks)
        servers = _all_servers(system, self.servers)
        for server in servers:
            haproxy.tell(f"set server {server} check-port {port}")
        return f"HAProxy was told to ask port {port} for the health of {', '.join(servers)}"

    def in_place(self, system: System) -> Proof:
        """See Fault; that users' requests fail may eject it for a moment, until checks have passed again."""
        return self._checked_at(system, own=False)

    def undo(self, system: System) -> None:
        """See Fault."""
        haproxy = _haproxy(system)
        for server in _all_servers(system, self.servers):
            haproxy.tell(f"set server {server} check-port {haproxy.ports(server)[0]}")

    def undone(self, system: System) -> Proof:
        """See Fault."""
        own = self._checked_at(system, own=True)
        return _all_say("UP", system, self.servers) if own.holds else own

    def by_hand(self) -> str:
        """See Fault."""
        servers = ", ".join(f"{server} and {second_server(server)} (there may be none)" for server in self.servers)
        return f"tell HAProxy's admin socket `set server … check-port …`, each its own port, for {servers}"

    def _checked_at(self, system: System, own: bool) -> Proof:
        ports = {server: _haproxy(system).ports(server) for server in _all_servers(system, self.servers)}
        other, _ = _haproxy(system).ports(self.asks)
        right = all(checked == (port if own else other) for port, checked in ports.values())
        words = (f"{server} serves at {port}, and is checked at {checked}" for server, (port, checked) in ports.items())
        return Proof(right, ", ".join(words))


def assert_named(server: str) -> None:
    """Raises ValueError for what is not written as backend/server."""
    backend, slash, name = server.partition("/")
    if not (backend and slash and name):
        raise ValueError(f"{server!r} is not written as backend/server, such as shop/shop-2")


def assert_used(system: System, server: str) -> None:
    """Raises FaultFailed when HAProxy does not know the server, or gives it or its second one no requests.

    A second server that is elsewhere is that of another instance: in a Swarm HAProxy numbers replicas as it finds them.
    """
    haproxy = _haproxy(system)
    if haproxy.status(server) is None:
        raise FaultFailed(f"HAProxy has no server {server}")
    address = haproxy.address(server)
    for each in haproxy.servers_of(server):
        if (its := haproxy.address(each)) != address:
            raise FaultFailed(f"{each} is at {its}, and {server} at {address}: HAProxy would go on using the instance")
        if (status := haproxy.status(each)) != "UP":
            raise FaultFailed(f"HAProxy does not use {each} ({status})")


def _all_servers(system: System, servers: tuple[str, ...]) -> tuple[str, ...]:
    haproxy = _haproxy(system)
    return tuple(each for server in servers for each in haproxy.servers_of(server))


def _all_say(wanted: str, system: System, servers: tuple[str, ...]) -> Proof:
    said = {server: _haproxy(system).status(server) for server in _all_servers(system, servers)}
    details = ", ".join(f"HAProxy says {status} of {server}" for server, status in said.items())
    return Proof(all(status == wanted for status in said.values()), details)


def _haproxy(system: System) -> HAProxy:
    if not system.target.haproxy:
        raise FaultFailed("the target file names no admin socket of HAProxy (`haproxy:`)")
    return HAProxy(Path(system.target.haproxy))
