"""Sessions and carts: what their users were told, what they were shown later, and what the shop still has. Pure.

A user presses "one more": each write of a product to a cart has a quantity above all before it in that cart. So a
quantity that is shown says which of the writes it knows.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

_AROUND_SECONDS = 2.0
"""A shop that keeps whole seconds, and a use that it saw before its user had the answer."""


class Told(StrEnum):
    """What the user knows about a write."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CartWrite:
    """So many of a product were to be in the cart."""

    number: int
    sku: str
    quantity: int
    state: Told


@dataclass(frozen=True, slots=True)
class Look:
    """What a user, or the reading back, was shown of a session."""

    at: float
    # The shop said that there is no such session.
    gone: bool
    # Whose the shop said it is; None if it was not asked.
    user_id: str | None = None
    # Quantity by sku; None if it was not asked for.
    items: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class UserSession:
    """One session as its user saw it."""

    # Ours, one for each log-in; the shop never sees it.
    key: str
    sent_at: float
    state: Told
    # None unless acknowledged.
    token: str | None = None
    user_id: str | None = None
    # In the order in which they were sent: the user waits for each before the next.
    events: tuple[CartWrite | Look, ...] = ()
    # For how long after its last use the shop promised to keep it, in seconds; None if it did not say, and for good.
    lifetime: float | None = None
    # When its user last did something with it.
    used_at: float = 0.0

    def may_be_gone(self, at: float) -> bool:
        """Whether the shop need not have it any more."""
        return self.lifetime is not None and at - self.used_at >= self.lifetime - _AROUND_SECONDS

    @property
    def writes(self) -> tuple[CartWrite, ...]:
        return tuple(event for event in self.events if isinstance(event, CartWrite))


@dataclass(frozen=True, slots=True)
class SessionLedger:
    sessions: tuple[UserSession, ...]
    # The last line is incomplete: the machine or its disk failed while it was written.
    torn: bool
    # Read, whole ones.
    lines: int = 0


def fold(lines: Iterable[str]) -> SessionLedger:
    """Fold the lines of `sessions.ndjson`; what has no outcome there is unknown.

    ValueError with the line's number if a line other than a torn last one cannot be read, or speaks of a session or
    write that was never sent.
    """
    sessions: dict[str, UserSession] = {}
    torn, number = False, 0
    for number, line in enumerate(lines, 1):
        if torn := not line.endswith("\n"):
            break
        try:
            fact = json.loads(line)
            key = fact["session"]
            sessions[key] = _after(sessions.get(key), fact)
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise ValueError(f"sessions.ndjson:{number}: not a fact of the ledger: {line.strip()[:80]}") from error
    return SessionLedger(tuple(sessions.values()), torn, number - torn)


def _after(session: UserSession | None, fact: Mapping[str, Any]) -> UserSession:
    if session is None:
        if fact["state"] != "sent" or "write" in fact:
            raise ValueError("the session was never sent")
        return UserSession(fact["session"], fact["at"], Told.UNKNOWN, used_at=fact["at"])
    session = replace(session, used_at=fact["at"])
    if "gone" in fact:
        look = Look(fact["at"], fact["gone"], fact["user_id"], fact["items"])
        return replace(session, events=(*session.events, look))
    if "write" not in fact:
        state = Told(fact["state"])
        token, user_id, lifetime = fact.get("token"), fact.get("user_id"), fact.get("lifetime")
        return replace(session, state=state, token=token, user_id=user_id, lifetime=lifetime)
    if fact["state"] == "sent":
        write = CartWrite(fact["write"], fact["sku"], fact["quantity"], Told.UNKNOWN)
        return replace(session, events=(*session.events, write))
    written = next(write for write in session.writes if write.number == fact["write"])
    settled = replace(written, state=Told(fact["state"]))
    return replace(session, events=tuple(settled if event is written else event for event in session.events))


@dataclass(frozen=True, slots=True)
class SessionReading:
    """One session as the shop has it after recovery."""

    key: str
    # None if the shop could not be read, or there was no token to ask with.
    seen: Look | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look says about the writes before it. Names are those of sessions, or of a product in one's cart."""

    # Acknowledged writes that it does not show.
    missed: frozenset[str]
    # Products of which there is more than all acknowledged and unknown writes can explain: a write came twice, or one
    # that was refused is there all the same.
    doubled: frozenset[str] = frozenset()
    # It shows somebody else's session, or a product that was never put there.
    foreign: frozenset[str] = frozenset()


def compare(session: UserSession, before: Sequence[CartWrite], look: Look) -> Seen:
    """Compare a look with the writes that were sent before it."""
    if look.gone:
        return Seen(frozenset({session.key, *(_name(session, write) for write in before if _acknowledged(write))}))
    foreign = {session.key} if look.user_id not in (None, session.user_id) else set()
    if look.items is None:
        return Seen(frozenset(), foreign=frozenset(foreign))
    foreign |= {f"{session.key}/{sku}" for sku in look.items.keys() - {write.sku for write in before}}
    missed, doubled = set(), set()
    for sku in {write.sku for write in before}:
        writes, shown = [write for write in before if write.sku == sku], look.items.get(sku, 0)
        explained = [write.quantity for write in writes if write.state is not Told.REFUSED]
        if shown > max(explained, default=0):
            doubled.add(f"{session.key}/{sku}")
        # A write whose user has given up may be carried out after a later one.
        late = any(write.state is Told.UNKNOWN and write.quantity == shown for write in writes)
        if not late:
            missed |= {_name(session, write) for write in writes if _acknowledged(write) and write.quantity > shown}
    return Seen(frozenset(missed), frozenset(doubled), frozenset(foreign))


@dataclass(frozen=True, slots=True)
class SessionTally:
    """What became of all sessions and their carts."""

    # Log-ins, and writes to carts, by what their users were told.
    sessions: Mapping[Told, int]
    writes: Mapping[Told, int]
    # Acknowledged sessions that are there after recovery, with all that was acknowledged in their carts.
    found: int
    # Names of acknowledged sessions and writes that are not there after recovery.
    lost: tuple[str, ...]
    # Names of those that a read of the user did not show, one for each such read; they may have come back.
    stale: tuple[str, ...]
    doubled: tuple[str, ...]
    foreign: tuple[str, ...]
    # Reads of users that were answered.
    reads: int
    # Keys of acknowledged sessions that were gone when they were read back, as they may be so long after their last
    # use, and of which their users missed nothing: neither found nor lost, and no part of the share of what is.
    expired: tuple[str, ...]
    # Keys of acknowledged sessions that could not be read back: data missing, neither found nor lost.
    unread: tuple[str, ...]
    # Share of acknowledged sessions and writes that are lost, or that a read did not show; None if none were.
    lost_ratio: float | None


def tally(sessions: Iterable[UserSession], readings: Iterable[SessionReading]) -> SessionTally:
    """Compare every look with what was acknowledged before it."""
    sessions, seen_at_end = list(sessions), {reading.key: reading.seen for reading in readings}
    opened = [session for session in sessions if session.state is Told.ACKNOWLEDGED]
    expired = {session.key for session in opened if _expired(session, seen_at_end.get(session.key))}
    during = [seen for session in opened for seen in _seen_by_user(session)]
    at_end = [
        compare(session, session.writes, last)
        for session in opened
        if (last := seen_at_end.get(session.key)) is not None and session.key not in expired
    ]
    lost = [name for seen in at_end for name in sorted(seen.missed)]
    stale = [name for seen in during for name in sorted(seen.missed)]
    states = Counter(session.state for session in sessions)
    writes = Counter(write.state for session in sessions for write in session.writes)
    kept = [session for session in opened if session.key not in expired]
    promised = len(kept) + sum(_acknowledged(write) for session in kept for write in session.writes)
    return SessionTally(
        sessions=states,
        writes=writes,
        found=sum(not seen.missed for seen in at_end),
        lost=tuple(lost),
        stale=tuple(stale),
        doubled=tuple(sorted({name for seen in (*during, *at_end) for name in seen.doubled})),
        foreign=tuple(sorted({name for seen in (*during, *at_end) for name in seen.foreign})),
        reads=len(during),
        expired=tuple(session.key for session in opened if session.key in expired),
        unread=tuple(session.key for session in opened if seen_at_end.get(session.key) is None),
        lost_ratio=len({*lost, *stale}) / promised if promised else None,
    )


def _expired(session: UserSession, last: Look | None) -> bool:
    # One that its user, too, did not find, or not all of it, was lost before it could expire.
    missed = any(seen.missed for seen in _seen_by_user(session))
    return last is not None and last.gone and session.may_be_gone(last.at) and not missed


def _seen_by_user(session: UserSession) -> Iterable[Seen]:
    before: list[CartWrite] = []
    for event in session.events:
        if isinstance(event, CartWrite):
            before.append(event)
        else:
            yield compare(session, before, event)


def _acknowledged(write: CartWrite) -> bool:
    return write.state is Told.ACKNOWLEDGED


def _name(session: UserSession, write: CartWrite) -> str:
    return f"{session.key}/{write.sku}={write.quantity}"
