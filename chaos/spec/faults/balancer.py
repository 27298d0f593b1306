"""`haproxy.drain`, `haproxy.fool_checks`: the load balancer itself treats servers otherwise than it should."""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure


def assert_named(server: str) -> None:
    """Raises ValueError for what is not written as backend/server."""
    backend, slash, name = server.partition("/")
    if not (backend and slash and name):
        raise ValueError(f"{server!r} is not written as backend/server, such as shop/shop-2")


class HAProxyDrain(FaultFields, frozen=True, forbid_unknown_fields=True, tag="haproxy.drain"):
    """HAProxy gives a healthy server no new requests, as before maintenance.

    So it does with the second server that panic routing has for the instance: that would get requests in a panic.
    """

    MEASURE: ClassVar = Measure.SERVERS

    server: str
    """`backend/server`, as HAProxy names it."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        assert_named(self.server)

    def describe(self) -> str:
        return f"HAProxy drains {self.server} for {self.for_}"

    def aims_at(self) -> str | None:
        """HAProxy calls its servers as the instances are called."""
        return self.server.partition("/")[2]


class HAProxyFoolChecks(FaultFields, frozen=True, forbid_unknown_fields=True, tag="haproxy.fool_checks"):
    """HAProxy asks a healthy server for the health of others, as with a health check of something else.

    Switching the checks off would not do: without checks that pass, HAProxy ejects who fails some times in a row. The
    second server of each, for panic routing, has checks of its own and is fooled as well.
    """

    MEASURE: ClassVar = Measure.SERVERS

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
        return f"HAProxy asks {self.asks} for the health of {', '.join(self.servers)} for {self.for_}"

    def instances(self) -> tuple[str, ...]:
        """HAProxy calls its servers as the instances are called."""
        return tuple(server.partition("/")[2] for server in self.servers)
