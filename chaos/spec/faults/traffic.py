"""`traffic.…`: more users, all after one product, or in no hurry; an agent sends them beside the measured load."""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure
from chaos.spec.values import Duration

_MOST_CONNECTIONS = 9_000
"""Nine tenths of what our HAProxy has where nobody asks for more."""
Reads: TypeAlias = Literal["products", "orders", "pages", "absent"]
"""`products` by popularity, as the measured users read them; `orders` that do not exist, which no cache keeps;
`pages` of products with the fields that were asked for; `absent` products, which do not exist."""


def _what(reads: Reads) -> str:
    return {"pages": "pages of products", "absent": "products that do not exist"}.get(reads, reads)


class Traffic(FaultFields, frozen=True):
    """An agent sends requests until the undo."""

    MEASURE: ClassVar = Measure.USERS


class TrafficSurge(Traffic, frozen=True, tag="traffic.surge"):
    """So many times the usual users, the measured ones among them."""

    factor: Annotated[float, msgspec.Meta(gt=1, le=40)]
    reads: Reads = "products"
    address: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,3}(\.[0-9]{1,3}){3})?$")] = ""
    """Whom all more of them are from, as a proxy that the system believes says it in X-Forwarded-For; empty: unsaid."""

    def describe(self) -> str:
        more = f"all more of them {f'from {self.address}, ' if self.address else ''}reads of {_what(self.reads)}"
        return f"{self.factor:g} times the usual requests, {more}, for {self.for_}"


class TrafficCrowd(Traffic, frozen=True, tag="traffic.crowd"):
    """So many more users at a time, each of whom asks anew as soon as it is answered: as fast as they are served."""

    users: Annotated[int, msgspec.Meta(gt=0, le=2_000)]
    reads: Reads = "products"

    def describe(self) -> str:
        return f"{self.users} more users who read {_what(self.reads)} without a pause for {self.for_}"


class TrafficHotKey(Traffic, frozen=True, tag="traffic.hot_key"):
    """Everybody wants one product, whose cached entry is deleted before each rush."""

    product: str
    readers: Annotated[int, msgspec.Meta(gt=0, le=1_000)] = 200
    every: Duration = Duration(seconds=1)

    def describe(self) -> str:
        return (
            f"{self.readers} readers of {self.product} at once, its entry deleted, every {self.every} for {self.for_}"
        )


class TrafficSlowClients(Traffic, frozen=True, tag="traffic.slow_clients"):
    """Connections that stay open and do next to nothing: so many, or such a share of those that users may have."""

    sends: Literal["nothing", "headers", "body"]
    """`nothing` after one request; or a byte a second of a request's headers, or of an order's body."""
    connections: Annotated[int, msgspec.Meta(ge=0, le=_MOST_CONNECTIONS)] = 0
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """Of the target's `connections`."""

    def __post_init__(self) -> None:
        if bool(self.connections) == bool(self.share):
            raise ValueError("connections or share: one of the two is needed")

    def describe(self) -> str:
        what = "stay idle" if self.sends == "nothing" else f"send a byte of their {self.sends} a second"
        many = f"{self.connections} connections" if self.connections else f"{self.share:.0%} of all connections"
        return f"{many} that {what}, for {self.for_}"
