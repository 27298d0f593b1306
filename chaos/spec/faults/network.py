"""`network.…`: what goes wrong between two parts of the stack, put on a link by Toxiproxy.

A link is a dependency as a whole (`postgres`) or one caller's own way to it (`postgres/shop-2`). Servers and callers
stay as they are; only the way is bad. Each fault but `network.down` is a toxic on the link's proxies.
"""

from typing import Annotated, ClassVar, Literal

import msgspec

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure
from chaos.spec.values import Duration

_COMMON_FIELDS = frozenset({"for_", "link", "share", "direction"})
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Direction = Literal["upstream", "downstream", "both"]
Rate = Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d{0,6}KB/s$")]


class OnLink(FaultFields, frozen=True):
    """A fault of a link."""

    MEASURE: ClassVar = Measure.LINKS

    link: str
    """One of the target's links."""

    def measure(self) -> Measure | None:
        return Measure.NOTICES if self.keeps_pages_back() else self.MEASURE

    def links(self) -> tuple[str, ...]:
        return (self.link,)


class Poisoned(OnLink, frozen=True, kw_only=True):
    """A link with a toxic on all its proxies."""

    share: Share = 1.0
    """Of the connections, thrown for each when it is opened."""
    direction: Direction = "downstream"
    """`upstream`: what callers send; `downstream`: what they are answered."""

    def kind(self) -> str:
        """Toxiproxy's name for it."""
        raise NotImplementedError

    def describe(self) -> str:
        hit = "every connection" if self.share == 1 else f"{self.share:.0%} of the connections"
        return f"{self._settings()} on {hit} of link {self.link} for {self.for_}"

    def _settings(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _COMMON_FIELDS}
        given = [f"{name} {value}" for name, value in shown.items() if value is not None]
        return ", ".join([f"{self.kind()} {self.direction}", *given])


class Latency(Poisoned, frozen=True, kw_only=True, tag="network.latency"):
    """Everything takes longer on its way."""

    latency: Duration
    jitter: Duration | None = None
    """Added or taken off, evenly distributed, for each piece of data."""

    def kind(self) -> str:
        return "latency"


class Bandwidth(Poisoned, frozen=True, kw_only=True, tag="network.bandwidth"):
    """Each connection carries only so much."""

    rate: Rate
    """Of each connection, such as `10KB/s`; a kilobyte is 1000 bytes."""

    def kind(self) -> str:
        return "bandwidth"


class Timeout(Poisoned, frozen=True, kw_only=True, tag="network.timeout"):
    """Data gets lost and connections stay open: callers wait until they give up."""

    closes_after: Duration | None = None
    """When the connection is closed after all; None: never."""

    def kind(self) -> str:
        return "timeout"


class ResetPeer(Poisoned, frozen=True, kw_only=True, tag="network.reset_peer"):
    """A connection is cut as soon as data goes through it, and that data is lost."""

    def kind(self) -> str:
        return "reset_peer"


class SlowClose(Poisoned, frozen=True, kw_only=True, tag="network.slow_close"):
    """The end of a connection is passed on late."""

    delay: Duration

    def kind(self) -> str:
        return "slow_close"


class Down(OnLink, frozen=True, tag="network.down"):
    """Connections are refused, and those that are open are cut."""

    def describe(self) -> str:
        return f"connections of link {self.link} are cut and refused for {self.for_}"
