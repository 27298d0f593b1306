"""What is found of the ledgers: what became of what was acknowledged to users."""

from enum import StrEnum
from typing import TypeAlias

from chaos.verdict.finding import Finding, Refutation


class Ledger(StrEnum):
    """What users keep a ledger of."""

    ORDERS = "orders"
    SESSIONS = "sessions"


class OrderFate(StrEnum):
    """How a promise about an order was broken."""

    LOST = "lost"
    """Acknowledged, and not there."""
    MISMATCHED = "mismatched"
    """Acknowledged, and not found under its id."""
    DOUBLED = "doubled"
    """By a retry."""
    REFUSED_BUT_FOUND = "refused_but_found"


class OrdersBroken(Refutation, frozen=True):
    """Orders about which a promise was broken, by their keys."""

    how: OrderFate
    keys: list[str]


class OrdersNotShown(Refutation, frozen=True):
    """Reads that did not show an acknowledged order: its key, once for each."""

    keys: list[str]
    reads: int


class SessionsLost(Refutation, frozen=True):
    """More sessions and cart writes are lost, or were not shown, than the experiment allows."""

    ratio: float
    acknowledged: int
    lost: list[str]
    not_shown: list[str]
    bound: str


class CartsDoubled(Refutation, frozen=True):
    """Products that are in a cart more often than was asked for."""

    names: list[str]


class SessionsForeign(Refutation, frozen=True):
    """Sessions or carts that show what is not theirs."""

    names: list[str]


class NotReadBack(Finding, frozen=True):
    """A ledger was not read back at all."""

    ledger: Ledger


class Unread(Finding, frozen=True):
    """So many of a ledger's entries could not be read back."""

    ledger: Ledger
    number: int


class OrdersReadInPart(Finding, frozen=True):
    """Fewer orders were read back than were sent."""

    read: int
    sent: int


class NoLogInAcknowledged(Finding, frozen=True):
    """None of so many log-ins was acknowledged, so that there is nothing to lose."""

    sent: int


class AllExpired(Finding, frozen=True):
    """So many sessions, and each was left alone for so long that the shop need not have it any more."""

    sessions: int


LedgerFinding: TypeAlias = (
    OrdersBroken
    | OrdersNotShown
    | SessionsLost
    | CartsDoubled
    | SessionsForeign
    | NotReadBack
    | Unread
    | OrdersReadInPart
    | NoLogInAcknowledged
    | AllExpired
)


def ledger_of(finding: Finding) -> Ledger | None:
    """Which ledger it is about; None: none."""
    match finding:
        case NotReadBack(ledger=ledger) | Unread(ledger=ledger):
            return ledger
        case OrdersBroken() | OrdersNotShown() | OrdersReadInPart():
            return Ledger.ORDERS
        case SessionsLost() | CartsDoubled() | SessionsForeign() | NoLogInAcknowledged() | AllExpired():
            return Ledger.SESSIONS
    return None
