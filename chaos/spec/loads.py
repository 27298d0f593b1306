"""What a target's users do: the shop's customers, some paths, or a program of the stack's own."""

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from chaos.spec import asked, values
from chaos.spec.asked import Asked, Statuses
from chaos.spec.door import Certificate, Kept
from chaos.spec.load import LoadSettings
from chaos.spec.values import Duration

TOLD = "STORMDRILL_USERS"
"""The variable by which the load process is told what its users do."""
_NAMED = 5


class ShopLoad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="shop"):
    """The shop's users, with ledgers of orders and sessions that are read back."""

    def settings(self) -> LoadSettings:
        """How much load, and how patient its users are."""
        return LoadSettings()

    def in_words(self) -> str:
        """What is sent."""
        return f"the shop's customers, {self.settings().rate_per_second:g} requests/s"


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
    """Requests of some paths; whatever is not a complete answer of an expected status in time has failed."""

    paths: list[str | Asked] | dict[str, int]
    """Alike, each with its weight, or each with all that it takes."""
    headers: dict[str, str | Kept] = {}
    """Sent with every request."""
    cookies: dict[str, str | Kept] = {}
    """Sent with every request; what a server sets is not kept."""
    statuses: Statuses = msgspec.field(default_factory=lambda: ["2xx"])
    """Which answers are as they should be: `200`, `2xx`, `200-204`."""
    redirects: Literal["stay", "follow"] = "stay"
    """Whether users go where an answer of 301, 302, 303, 307 or 308 sends them, on the same server alone; then what
    comes of it is judged."""
    ca: str = ""
    """PEM file of the authorities that the server may be known by; empty: those that come with our HTTP library."""
    certificate: Certificate | None = None
    """By what the server knows us."""

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Each request with all that is said of it."""
        weights = self.paths.items() if isinstance(self.paths, dict) else ((one, 1) for one in self.paths)
        each = (Asked(one, weight=weight) if isinstance(one, str) else one for one, weight in weights)
        return tuple(one.among(self.headers, self.cookies, self.statuses) for one in each)

    def in_words(self) -> str:
        """What is sent, and what is expected."""
        names = list(dict.fromkeys(one.called for one in self.asked))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        expected = list(dict.fromkeys(", ".join(map(str, one.statuses)) for one in self.asked))
        goes = "are followed on the same server" if self.redirects == "follow" else "are not followed"
        sent = f"{', '.join(names[:_NAMED])}{more} at {self.rate:g} requests/s"
        return f"{sent}; expected: {' or '.join(expected)}; redirects {goes}"

    def placed(self, folder: Path) -> "PathsLoad":
        """With its paths counted from this folder."""
        at = self.certificate
        return msgspec.structs.replace(
            self,
            paths=self.paths
            if isinstance(self.paths, dict)
            else [one.placed(folder) if isinstance(one, Asked) else one for one in self.paths],
            headers=asked.placed(self.headers, folder),
            cookies=asked.placed(self.cookies, folder),
            ca=str(folder / self.ca) if self.ca else "",
            certificate=at and at.placed(folder),
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.paths or not self.statuses:
            raise ValueError(f"{'statuses' if self.paths else 'paths'}: at least one is needed")
        asked.assert_sendable(self.headers, self.cookies)
        asked.ranges(self.statuses)
        self.asked  # noqa: B018  # what is wrong of one is an error


class CommandLoad(_ForeignLoad, frozen=True, tag="command", kw_only=True):
    """A program of the stack's own, which writes `load.ndjson` as our users do."""

    command: list[str]

    def in_words(self) -> str:
        """What is sent."""
        return f"a program of the stack's own, {self.rate:g} requests/s"


AnyLoad: TypeAlias = ShopLoad | PathsLoad | CommandLoad


def unsaid() -> PathsLoad:
    """Of a target that does not say: the least that shows whether anybody answers, and nothing that leaves a trace."""
    return PathsLoad(paths=["/"], rate=1.0, statuses=["2xx", "3xx"])


def to_json(load: AnyLoad) -> str:
    """As the load process is told."""
    return msgspec.json.encode(load, enc_hook=values.encode).decode()


def from_json(text: str) -> AnyLoad:
    """The reverse. Raises ValueError."""
    told: AnyLoad = msgspec.json.decode(text, type=AnyLoad, dec_hook=values.decode)
    return told
