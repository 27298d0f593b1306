"""What a target's users do: the shop's customers, some paths, or a program of the stack's own."""

from typing import TypeAlias

import msgspec

from chaos.spec import values
from chaos.spec.load import LoadSettings
from chaos.spec.values import Duration

TOLD = "STORMDRILL_USERS"
"""The variable by which the load process is told what its users do."""


class ShopLoad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="shop"):
    """The shop's users, with ledgers of orders and sessions that are read back."""

    def settings(self) -> LoadSettings:
        """How much load, and how patient its users are."""
        return LoadSettings()


class _ForeignLoad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    rate: float = 50.0
    """Requests a second, however slow the system is."""
    timeout: Duration = msgspec.field(default_factory=lambda: Duration(seconds=2))
    """After which a user gives up."""

    def settings(self) -> LoadSettings:
        """How much load, and how patient its users are."""
        return LoadSettings(
            rate_per_second=self.rate,
            pacing=self.timeout * 1.25,
            timeout=self.timeout,
            drain=self.timeout * 1.25,
        )

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError("rate: must be above zero")


class PathsLoad(_ForeignLoad, frozen=True, tag="paths", kw_only=True):
    """GET requests of some paths; whatever is not a complete 2xx in time has failed."""

    paths: list[str] | dict[str, int]
    """Alike, or each with its weight."""

    @property
    def weights(self) -> dict[str, int]:
        """Each path with its weight."""
        return self.paths if isinstance(self.paths, dict) else dict.fromkeys(self.paths, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = self.weights
        if not weights or min(weights.values()) < 1 or not all(path.startswith("/") for path in weights):
            raise ValueError("paths: at least one is needed, each with a leading / and a weight of 1 or more")


class CommandLoad(_ForeignLoad, frozen=True, tag="command", kw_only=True):
    """A program of the stack's own, which writes `load.ndjson` as our users do."""

    command: list[str]


AnyLoad: TypeAlias = ShopLoad | PathsLoad | CommandLoad


def unsaid() -> PathsLoad:
    """Of a target that does not say: the least that shows whether anybody answers, and nothing that leaves a trace."""
    return PathsLoad(paths=["/"], rate=1.0)


def to_json(load: AnyLoad) -> str:
    """As the load process is told."""
    return msgspec.json.encode(load, enc_hook=values.encode).decode()


def from_json(text: str) -> AnyLoad:
    """The reverse. Raises ValueError."""
    told: AnyLoad = msgspec.json.decode(text, type=AnyLoad, dec_hook=values.decode)
    return told
