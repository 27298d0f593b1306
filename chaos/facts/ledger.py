"""Orders that were sent, what their users were told, and whether the shop still has them. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

# 4xx answers after which an order may exist all the same. 408: a proxy gave up waiting for one of us. 409: the
# same key is being worked on, as when the load balancer repeated the request. 425: asked to try again.
NOT_FINAL = frozenset({408, 409, 425})


class OrderState(StrEnum):
    """What the user knows about an order."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def means_acknowledged(status: int | None) -> bool:
    return status in (200, 201)


def means_refused(status: int | None) -> bool:
    """True only where the answer says for sure that nothing was done.

    No 5xx does: 502 and 504, and a 503 of the load balancer, come from a proxy that cannot know how far the shop
    got, and from outside a 503 of the shop itself looks the same. To call a refusal unknown costs nothing.
    """
    return status is not None and 400 <= status < 500 and status not in NOT_FINAL


@dataclass(frozen=True, slots=True)
class Order:
    """One order as its user saw it."""

    # The idempotency key, one for each order.
    key: str
    # In seconds since the run's origin.
    sent_at: float
    sku: str
    quantity: int
    state: OrderState
    # The shop's id; None unless acknowledged.
    id: str | None = None
    # How often its user asked for it once it was acknowledged, and how often the shop then said that it is not there.
    reads: int = 0
    stale_reads: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    orders: tuple[Order, ...]
    # The last line is incomplete: the machine or its disk failed while it was written.
    torn: bool
    # Read, whole ones.
    lines: int = 0


def fold(lines: Iterable[str]) -> Ledger:
    """Fold the lines of `orders.ndjson`; an order whose outcome is missing is unknown.

    ValueError with the line's number if a line other than a torn last one cannot be read, or speaks of an order that
    was never sent.
    """
    orders: dict[str, Order] = {}
    torn, number = False, 0
    for number, line in enumerate(lines, 1):
        if torn := not line.endswith("\n"):
            break
        try:
            fact = json.loads(line)
            if "shown" not in fact and fact["state"] == "sent":
                orders[fact["key"]] = Order(fact["key"], fact["at"], fact["sku"], fact["quantity"], OrderState.UNKNOWN)
            else:
                orders[fact["key"]] = _after(orders[fact["key"]], fact)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"orders.ndjson:{number}: not a fact of the ledger: {line.strip()[:80]}") from error
    return Ledger(tuple(orders.values()), torn, number - torn)


def _after(order: Order, fact: Mapping[str, Any]) -> Order:
    if "shown" in fact:
        return replace(order, reads=order.reads + 1, stale_reads=order.stale_reads + (not fact["shown"]))
    return replace(order, state=OrderState(fact["state"]), id=fact.get("id"))


@dataclass(frozen=True, slots=True)
class OrderReading:
    """One order as the shop has it after recovery."""

    key: str
    state: OrderState
    # Different orders found under this key or id; None if the shop could not be read.
    found: int | None
    # Reading by id and reading by key both give the acknowledged order; False where no id was acknowledged.
    id_matches: bool


@dataclass(frozen=True, slots=True)
class LedgerTally:
    """What became of all orders. Every order is in exactly one of the groups below, but for `doubled`."""

    # How many users were told yes, no, nothing.
    acknowledged: int
    refused: int
    unknown: int
    # Acknowledged and there, under its id and its key (one that is doubled as well is in both groups).
    found: int
    # Keys. Acknowledged and not there: a broken promise.
    lost: tuple[str, ...]
    # Keys. Acknowledged and there, but not under the id the user was given, or not under its key: the user cannot
    # get at it.
    mismatched: tuple[str, ...]
    # Keys, of any state, with more than one order: the customer pays twice.
    doubled: tuple[str, ...]
    # Keys of phantoms: the user was told no, and the order is there. Nothing is lost, yet it is not harmless: the
    # customer is charged for what they think they do not have.
    refused_but_found: tuple[str, ...]
    # Refused and not there, as it should be.
    refused_absent: int
    # The user was told nothing, so that both are right.
    unknown_found: int
    unknown_absent: int
    # Keys that could not be read, of any state: data missing, neither found nor lost.
    unread: tuple[str, ...]


def tally(readings: Iterable[OrderReading]) -> LedgerTally:
    groups: dict[str, list[str]] = {}
    states: Counter[OrderState] = Counter()
    doubled = []
    for reading in readings:
        states[reading.state] += 1
        groups.setdefault(_group(reading), []).append(reading.key)
        if reading.found is not None and reading.found > 1:
            doubled.append(reading.key)

    def keys(group: str) -> tuple[str, ...]:
        return tuple(groups.get(group, ()))

    return LedgerTally(
        acknowledged=states[OrderState.ACKNOWLEDGED],
        refused=states[OrderState.REFUSED],
        unknown=states[OrderState.UNKNOWN],
        found=len(keys("found")),
        lost=keys("lost"),
        mismatched=keys("mismatched"),
        doubled=tuple(doubled),
        refused_but_found=keys("refused found"),
        refused_absent=len(keys("refused absent")),
        unknown_found=len(keys("unknown found")),
        unknown_absent=len(keys("unknown absent")),
        unread=keys("unread"),
    )


def _group(reading: OrderReading) -> str:
    if reading.found is None:
        return "unread"
    if reading.state is not OrderState.ACKNOWLEDGED:
        return f"{reading.state} {'found' if reading.found else 'absent'}"
    if not reading.found:
        return "lost"
    return "found" if reading.id_matches else "mismatched"
