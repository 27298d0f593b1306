"""Judges what users were promised: orders and sessions that were acknowledged, read again and read back."""

from collections.abc import Iterable

from chaos.facts import ledger, sessions
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.facts.sessions import Told
from chaos.verdict.verdict import Orders, Sessions

_NAMED = 3


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
    )


def failures(recording: Recording, of_orders: Orders | None, of_sessions: Sessions | None) -> list[str]:
    """One line for each promise that was broken."""
    return [*_orders_wrong(of_orders), *_sessions_wrong(recording, of_sessions)]


def missing(recording: Recording, of_orders: Orders | None, of_sessions: Sessions | None) -> list[str]:
    """One line for each thing nobody knows; of a load without ledgers there is nothing to know."""
    started = recording.first(RunStarted)
    if started is not None and not started.has_ledgers:
        return []
    return [*_orders_missing(recording, of_orders), *_sessions_missing(recording, of_sessions)]


def _orders_wrong(found: Orders | None) -> Iterable[str]:
    if found is None:
        return
    broken = {
        "acknowledged and lost": found.lost,
        "acknowledged and not found under their id": found.mismatched,
        "doubled by a retry": found.doubled,
        "refused and yet there": found.refused_but_found,
    }
    yield from (f"{len(keys)} orders {how}: {_first(keys)}" for how, keys in broken.items() if keys)
    if stale := found.stale_reads:
        yield f"{len(stale)} of {found.reads} reads did not show an acknowledged order: {_first(stale)}"


def _sessions_wrong(recording: Recording, found: Sessions | None) -> Iterable[str]:
    if found is None:
        return
    if found.lost_ratio is not None and not recording.experiment.sessions_lost.holds(found.lost_ratio):
        yield (
            f"{found.lost_ratio:.2%} of {found.opened + found.writes} acknowledged sessions and cart writes lost"
            f" ({len(found.lost)}) or not shown to their users ({len(set(found.stale_reads))}), should be"
            f" {found.bound}: {_first([*found.lost, *found.stale_reads])}"
        )
    if found.doubled:
        yield f"{len(found.doubled)} products in carts doubled by a retry: {_first(found.doubled)}"
    if found.foreign:
        yield f"{len(found.foreign)} sessions or carts show what is not theirs: {_first(found.foreign)}"


def _orders_missing(recording: Recording, found: Orders | None) -> Iterable[str]:
    if found is None:
        yield "the orders were not read back"
        return
    if found.unread:
        yield f"{len(found.unread)} orders could not be read back"
    if len(recording.readings or ()) != len(recording.orders.orders):
        yield f"{len(recording.readings or ())} of {found.sent} orders were read back"


def _sessions_missing(recording: Recording, found: Sessions | None) -> Iterable[str]:
    if recording.sessions is None or not recording.sessions.sessions:
        return
    if found is None:
        yield "the sessions were not read back"
        return
    if not found.opened:
        yield f"none of {len(recording.sessions.sessions)} log-ins was acknowledged"
    if found.unread:
        yield f"{len(found.unread)} sessions could not be read back"


def _first(names: list[str]) -> str:
    return ", ".join(names[:_NAMED])
