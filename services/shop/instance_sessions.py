"""Sessions and carts in one instance's memory: what Redis is there to replace.

Only the user's requests that reach this instance find them, and a restart loses them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from services.shop.cart import MOST_ITEMS, cart_full
from services.shop.sessions import Session, name_of, new_token, no_session


@dataclass(slots=True)
class Entry:
    """A session and its cart."""

    user_id: UUID
    expires_at: float
    items: dict[str, int] = field(default_factory=dict)


class InstanceSessions:
    """Sessions in a dictionary."""

    def __init__(self, ttl: timedelta, *, sliding: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._sliding = sliding
        self._clock = clock
        self._entries: dict[str, Entry] = {}

    async def open(self) -> tuple[str, Session]:
        now = self._clock()
        self._entries = {name: entry for name, entry in self._entries.items() if entry.expires_at > now}
        token, session = new_token(), Session(uuid4(), self._ttl)
        self._entries[name_of(token)] = Entry(session.user_id, now + self._ttl.total_seconds())
        return token, session

    async def find(self, token: str) -> Session:
        entry = self.use(token)
        return Session(entry.user_id, timedelta(seconds=entry.expires_at - self._clock()))

    async def close(self, token: str) -> None:
        self.use(token)
        del self._entries[name_of(token)]

    def use(self, token: str) -> Entry:
        """Return a session's entry and renew it, or raise Unauthorized."""
        entry, now = self._entries.get(name_of(token)), self._clock()
        if entry is None or entry.expires_at <= now:
            raise no_session()
        if self._sliding:
            entry.expires_at = now + self._ttl.total_seconds()
        return entry


class InstanceCarts:
    """Carts in the same dictionary."""

    def __init__(self, sessions: InstanceSessions) -> None:
        self._sessions = sessions

    async def put(self, token: str, sku: str, quantity: int) -> None:
        items = self._sessions.use(token).items
        if sku not in items and len(items) >= MOST_ITEMS:
            raise cart_full()
        items[sku] = quantity

    async def remove(self, token: str, sku: str) -> None:
        self._sessions.use(token).items.pop(sku, None)

    async def read(self, token: str) -> dict[str, int]:
        return dict(self._sessions.use(token).items)
