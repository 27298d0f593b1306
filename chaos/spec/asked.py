"""One request that users make: its method, headers, cookies and body, and which answers are as they should be."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from chaos.spec import door
from chaos.spec.door import Kept

Statuses: TypeAlias = list[int | str]
"""Which are expected: `200`, `2xx`, `200-204`."""
Values: TypeAlias = Mapping[str, str | Kept]
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RANGE = re.compile(r"(\d{3})-(\d{3})|([1-5])xx")
_NEVER_WRITTEN = ("authorization", "proxy-authorization")
_MOST_TEXT = 65_536
"""Characters; the load process is told by a variable, and Linux takes 128 KiB."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request; what its load says of all of them counts where it says nothing."""

    path: str
    method: str = "GET"
    weight: int = 1
    name: str = ""
    """What recordings and reports call it; empty: method and path."""
    headers: dict[str, str | Kept] = {}
    cookies: dict[str, str | Kept] = {}
    json: Any = None
    """The body, as JSON; None: not that."""
    text: str | Kept = ""
    """The body, as text."""
    file: str = ""
    """The body, as this file has it."""
    statuses: Statuses = []

    @property
    def called(self) -> str:
        """What recordings call it."""
        return self.name or f"{self.method} {self.path}"

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.weight < 1:
            raise ValueError("paths: at least one is needed, each with a leading / and a weight of 1 or more")
        if not re.fullmatch(r"[A-Z]+", self.method):
            raise ValueError(f"method: {self.method!r} is none such as GET or POST")
        if sum((self.json is not None, bool(self.text), bool(self.file))) > 1:
            raise ValueError("give one of json, text and file")
        if isinstance(self.text, str) and len(self.text) > _MOST_TEXT:
            raise ValueError(f"text: longer than {_MOST_TEXT} characters; put it into a file")
        assert_sendable(self.headers, self.cookies)
        ranges(self.statuses)

    def among(
        self, headers: Mapping[str, str | Kept], cookies: Mapping[str, str | Kept], statuses: Statuses
    ) -> "Asked":
        """With what its load says of all."""
        own = {name.lower() for name in self.headers}
        shared = {name: value for name, value in headers.items() if name.lower() not in own}
        return msgspec.structs.replace(
            self,
            headers=shared | self.headers,
            cookies={**cookies, **self.cookies},
            statuses=self.statuses or statuses,
        )

    def placed(self, folder: Path) -> "Asked":
        """With its paths counted from this folder."""
        return msgspec.structs.replace(
            self,
            headers=placed(self.headers, folder),
            cookies=placed(self.cookies, folder),
            text=door.beside(self.text, folder),
            file=str(folder / self.file) if self.file else "",
        )


def placed(values: Values, folder: Path) -> dict[str, str | Kept]:
    """With their files counted from this folder."""
    return {name: door.beside(value, folder) for name, value in values.items()}


def assert_sendable(headers: Values, cookies: Values) -> None:
    """Raises ValueError for what is no header's or cookie's name, and for a credential that is written out."""
    for kind, names in (("headers", headers), ("cookies", cookies)):
        for name in names:
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"{kind}: {name!r} is no name of one")
    for name, value in headers.items():
        if name.lower() == "cookie":
            raise ValueError("headers: cookies have a key of their own: `cookies`")
        if name.lower() in _NEVER_WRITTEN and isinstance(value, str):
            raise ValueError(f"headers: {name} comes from env or file, as {{ env: NAME }}")


def ranges(statuses: Iterable[int | str]) -> tuple[tuple[int, int], ...]:
    """The first and last of each. Raises ValueError."""
    found = []
    for one in statuses:
        match = _RANGE.fullmatch(one) if isinstance(one, str) else None
        if isinstance(one, int) or (isinstance(one, str) and re.fullmatch(r"\d{3}", one)):
            first = last = int(one)
        elif match and match[3]:
            first, last = 100 * int(match[3]), 100 * int(match[3]) + 99
        elif match:
            first, last = int(match[1]), int(match[2])
        else:
            raise ValueError(f"statuses: {one!r} is none such as 200, 2xx or 200-204")
        if not 100 <= first <= last <= 599:
            raise ValueError(f"statuses: {one!r} is not within 100 to 599")
        found.append((first, last))
    return tuple(found)
