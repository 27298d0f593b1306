"""What a look into the cache comes back with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.kit.cache.entry import Entry

Load = Callable[[], Awaitable[bytes | None]]
"""Reads the source: the body, None if there is nothing, Unavailable if it does not answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, which may say that there is nothing."""

    entry: Entry
    layer: str
    """Where it came from: l1, l2 or source."""
    stale: bool = False
    """Past its time, given because the source was not heard."""
