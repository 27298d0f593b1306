"""The first layer of a cache: this process's memory, bounded in bytes."""

from dataclasses import dataclass

from cachetools import LRUCache

from services.kit.cache.entry import Entry

# Anyone can invent keys of which there is nothing; they compete for a corner, never with what is there.
_SHARE_OF_ABSENT = 1 / 16


@dataclass(frozen=True, slots=True)
class Held:
    """An entry, and until when (seconds since the epoch) it is used without asking further."""

    entry: Entry
    until: float


class L1:
    """The most recently used entries; one that is past its time stays until it is pushed out."""

    def __init__(self, max_bytes: int) -> None:
        self._present: LRUCache[str, Held] = LRUCache(max_bytes, _size)
        self._absent: LRUCache[str, Held] = LRUCache(max_bytes * _SHARE_OF_ABSENT, _size)

    def get(self, key: str) -> Held | None:
        """Return what is held under the key, past its time or not."""
        return self._present.get(key) or self._absent.get(key)

    def put(self, key: str, entry: Entry, until: float) -> None:
        """Hold an entry in the place of any other under its key; too large a one is not held."""
        self.drop(key)
        room = self._absent if entry.absent else self._present
        if entry.size_bytes <= room.maxsize:
            room[key] = Held(entry, until)

    def drop(self, key: str) -> None:
        """Forget the key."""
        self._present.pop(key, None)
        self._absent.pop(key, None)

    @property
    def entries(self) -> int:
        return len(self._present) + len(self._absent)

    @property
    def size_bytes(self) -> float:
        return self._present.currsize + self._absent.currsize


def _size(held: Held) -> int:
    return held.entry.size_bytes
