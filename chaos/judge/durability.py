"""Judges what users were promised: orders and sessions that were acknowledged, read again and read back."""

from collections.abc import Iterable

from chaos.facts import ledger, sessions
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.facts.sessions import Told
from chaos.verdict.ledger_finding import (
    AllExpired,
    CartsDoubled,
    Ledger,
    LedgerFinding,
    NoLogInAcknowledged,
    NotReadBack,
    OrderFate,
    OrdersBroken,
    OrdersNotShown,
    OrdersReadInPart,
    SessionsForeign,
    SessionsLost,
    Unread,
)
from chaos.verdict.results import Orders, Sessions


def orders(recording: Recording) -> Orders | None:
    """What became of the orders; None when they were not read back."""
    if recording.readings is None:
        return None
    counted, sent = ledger.tally(recording.readings), recording.orders.orders
    return Orders(
        sent=len(sent),
        acknowledged=counted.acknowledged,
        found=counted.found,
        refused=counted.refused,
        unknown=counted.unknown,
        lost=list(counted.lost),
        mismatched=list(counted.mismatched),
        doubled=list(counted.doubled),
        refused_but_found=list(counted.refused_but_found),
        unread=list(counted.unread),
        reads=sum(order.reads for order in sent),
        stale_reads=[order.key for order in sent for _ in range(order.stale_reads)],
    )


def open_sessions(recording: Recording) -> Sessions | None:
    """What became of sessions and carts; None when there were none, or they were not read back."""
    if recording.sessions is None or recording.session_readings is None:
        return None
    counted = sessions.tally(recording.sessions.sessions, recording.session_readings)
    return Sessions(
        opened=counted.sessions.get(Told.ACKNOWLEDGED, 0),
        refused=counted.sessions.get(Told.REFUSED, 0),
        unknown=counted.sessions.get(Told.UNKNOWN, 0),
        writes=counted.writes.get(Told.ACKNOWLEDGED, 0),
        writes_refused=counted.writes.get(Told.REFUSED, 0),
        writes_unknown=counted.writes.get(Told.UNKNOWN, 0),
        found=counted.found,
        lost=list(counted.lost),
        reads=counted.reads,
        stale_reads=list(counted.stale),
        doubled=list(counted.doubled),
        foreign=list(counted.foreign),
        unread=list(counted.unread),
        lost_ratio=counted.lost_ratio,
        bound=str(recording.experiment.sessions_lost),
        expired=len(counted.expired),
    )


def findings(recording: Recording, of_orders: Orders | None, of_sessions: Sessions | None) -> list[LedgerFinding]:
    """Each promise that was broken, and each thing nobody knows; of a load without ledgers there is nothing to know."""
    found = [*_orders_wrong(of_orders), *_sessions_wrong(recording, of_sessions)]
    started = recording.first(RunStarted)
    if started is not None and not started.has_ledgers:
        return found
    return [*found, *_orders_missing(recording, of_orders), *_sessions_missing(recording, of_sessions)]


def _orders_wrong(found: Orders | None) -> Iterable[LedgerFinding]:
    if found is None:
        return
    fates = {
        OrderFate.LOST: found.lost,
        OrderFate.MISMATCHED: found.mismatched,
        OrderFate.DOUBLED: found.doubled,
        OrderFate.REFUSED_BUT_FOUND: found.refused_but_found,
    }
    yield from (OrdersBroken(how, keys) for how, keys in fates.items() if keys)
    if found.stale_reads:
        yield OrdersNotShown(found.stale_reads, found.reads)


def _sessions_wrong(recording: Recording, found: Sessions | None) -> Iterable[LedgerFinding]:
    if found is None:
        return
    if found.lost_ratio is not None and not recording.experiment.sessions_lost.holds(found.lost_ratio):
        acknowledged = found.opened + found.writes
        yield SessionsLost(found.lost_ratio, acknowledged, found.lost, found.stale_reads, found.bound)
    if found.doubled:
        yield CartsDoubled(found.doubled)
    if found.foreign:
        yield SessionsForeign(found.foreign)


def _orders_missing(recording: Recording, found: Orders | None) -> Iterable[LedgerFinding]:
    if found is None:
        yield NotReadBack(Ledger.ORDERS)
        return
    if found.unread:
        yield Unread(Ledger.ORDERS, len(found.unread))
    if len(recording.readings or ()) != len(recording.orders.orders):
        yield OrdersReadInPart(len(recording.readings or ()), found.sent)


def _sessions_missing(recording: Recording, found: Sessions | None) -> Iterable[LedgerFinding]:
    if recording.sessions is None or not recording.sessions.sessions:
        return
    if found is None:
        yield NotReadBack(Ledger.SESSIONS)
        return
    if not found.opened:
        yield NoLogInAcknowledged(len(recording.sessions.sessions))
    if found.unread:
        yield Unread(Ledger.SESSIONS, len(found.unread))
    if found.opened and found.expired == found.opened:
        yield AllExpired(found.opened)
