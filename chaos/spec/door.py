"""How a server of the stack is reached: its address, who we are there, and by what we know that it is the right one."""

import re
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from chaos.spec.values import Duration

_V = TypeVar("_V")
_LETS_IN = re.compile(r"auth|cookie|token|secret|passw|credential|api-?key|access-key", re.IGNORECASE)
"""In names of headers whose value lets somebody in."""


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that does not stand in the target file: the environment has it, or a file of its own."""

    env: str = ""
    """The environment variable's name."""
    file: str = ""
    """The file's path, from the target file's folder; blanks at both ends do not count."""

    def __post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            raise ValueError("give either env or file")

    def __str__(self) -> str:
        """Where it is, and not what."""
        return f"${self.env}" if self.env else self.file


class Basic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user and a password."""

    user: str | Kept
    password: Kept


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By what a server knows us."""

    file: str
    """PEM, with whatever lies between it and its authority."""
    key: str = ""
    """PEM, without a passphrase; empty: it is in `file`."""

    def placed(self, folder: Path) -> "Certificate":
        """With its paths counted from this folder."""
        return Certificate(str(folder / self.file), str(folder / self.key) if self.key else "")


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server's address, and what is needed to be let in."""

    url: str
    """With the path under which it is served, if it has a prefix."""
    headers: dict[str, str | Kept] = {}
    """Sent with every question, such as a tenant's `X-Scope-OrgID`."""
    bearer: Kept | None = None
    """A token, for the header `Authorization`."""
    basic: Basic | None = None
    certificate: Certificate | None = None
    ca: str = ""
    """PEM file of the authorities that it may be known by; empty: the machine's."""
    proxy: str | Kept = ""
    """URL of the proxy on the way; empty: none, whatever the environment says."""
    timeout: Duration | None = None
    """For a whole answer; None: as long as its client waits by itself."""

    def __post_init__(self) -> None:
        if reason := amiss(self.url):
            raise ValueError(f"url: {reason}")
        if len([one for one in (self.bearer, self.basic, self.user_info) if one]) > 1:
            raise ValueError("give one of bearer, basic, and a user in the URL")
        if "authorization" in {name.lower() for name in self.headers} and (self.bearer or self.basic):
            raise ValueError("headers: bearer and basic give the Authorization already")
        for name, value in self.headers.items():
            if isinstance(value, str) and _LETS_IN.search(name):
                raise ValueError(f"headers.{name}: its value comes from env or file, and stands in no target file")
        if isinstance(self.proxy, str) and user_info(self.proxy):
            raise ValueError("proxy: one with a password comes from env or file")

    @property
    def plain(self) -> str:
        """Its address as it may be shown to anybody."""
        return plain(self.url)

    @property
    def user_info(self) -> tuple[str, str] | None:
        """User and password that stand in the URL itself; None where there are none."""
        return user_info(self.url)

    def placed(self, folder: Path) -> "Door":
        """With its paths counted from this folder."""
        at = self.certificate
        return msgspec.structs.replace(
            self,
            headers={name: beside(value, folder) for name, value in self.headers.items()},
            bearer=beside(self.bearer, folder),
            basic=self.basic and Basic(beside(self.basic.user, folder), beside(self.basic.password, folder)),
            certificate=at and at.placed(folder),
            ca=str(folder / self.ca) if self.ca else "",
            proxy=beside(self.proxy, folder),
        )


Address: TypeAlias = str | Door | list[str | Door]
"""One server by its URL or with all it takes to be let in, or several that say the same: replicas. Empty: none."""


def doors(address: Address) -> tuple[Door, ...]:
    """Each server once, in its order; none where there is none."""
    several = address if isinstance(address, list) else [address]
    found: list[Door] = []
    for one in several:
        door = Door(one) if isinstance(one, str) and one else one
        if isinstance(door, Door) and door not in found:
            found.append(door)
    return tuple(found)


def shown(address: Address) -> str:
    """Where it is, as it may be shown to anybody; empty where there is none."""
    return ", ".join(door.plain for door in doors(address))


def first(address: Address) -> str:
    """The first of them as it may be shown to anybody; empty where there is none."""
    one = address if not isinstance(address, list) else address[0] if address else ""
    return one.plain if isinstance(one, Door) else plain(one)


def placed(address: Address, folder: Path) -> Address:
    """With its paths counted from this folder."""
    if isinstance(address, list):
        return [one.placed(folder) if isinstance(one, Door) else one for one in address]
    return address.placed(folder) if isinstance(address, Door) else address


def plain(url: str) -> str:
    """A URL without user and password."""
    split = urlsplit(url)
    return split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()


def user_info(url: str) -> tuple[str, str] | None:
    """User and password that stand in a URL; None where there are none."""
    split = urlsplit(url)
    if "@" not in split.netloc:
        return None
    return unquote(split.username or ""), unquote(split.password or "")


def amiss(url: str) -> str:
    """Why a server's base URL cannot be used; empty when it can. Never says what may be a password."""
    try:
        split = urlsplit(url)
        reachable = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        return "is not a URL"
    if not reachable:
        return "must begin with http:// or https:// and name a host"
    if split.query or split.fragment:
        return "ends with its path: what else it takes to be let in is a header"
    return ""


def beside(value: _V, folder: Path) -> _V:
    """A value with its file, if it is kept in one, counted from this folder."""
    if isinstance(value, Kept) and value.file:
        return msgspec.structs.replace(value, file=str(folder / value.file))
    return value
