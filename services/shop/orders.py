"""Orders: placed exactly once for a key, however often and wherever the request arrives.

First the intent is written down, then stock is reserved under the order's id, then the order is
confirmed. Wherever a process dies in between, the intent is there to be found: a repeated request
goes on from it, and if none comes the sweeper gives the stock back.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter

from services.kit.problems import Conflict, DependencyUnavailable, NotFound, Problem, Unauthorized, Unavailable
from services.kit.resilience.deadline import remaining_seconds
from services.shop.order_book import Intent, Order, OrderBook
from services.shop.reservations import Released, Reservations

GUESTS_KEY_LENGTH = 32
"""Least length of a guest's idempotency key, as of a UUID in hexadecimal digits."""


class OrderMetrics:
    """What became of the requests for an order."""

    def __init__(self, registry: CollectorRegistry) -> None:
        orders = Counter(
            "app_orders", "Requests to place an order, by what became of them.", ("outcome",), registry=registry
        )
        self.confirmed = orders.labels("confirmed")
        self.repeated = orders.labels("repeated")
        self.refused = orders.labels("refused")
        self.refused_early = orders.labels("refused_early")
        self.unknown = orders.labels("unknown")


class Orders:
    """Places orders and finds them again."""

    def __init__(
        self,
        book: OrderBook,
        reservations: Reservations,
        registry: CollectorRegistry,
        *,
        needs: timedelta,
        early_refusal: bool,
    ) -> None:
        self._book = book
        self._reservations = reservations
        self._needs = needs
        self._early_refusal = early_refusal
        self._metrics = OrderMetrics(registry)

    async def place(self, intent: Intent) -> Order:
        """Return the order of this key, placing it if there is none.

        Raises Unauthorized for a guest whose key is easy to guess, Conflict if the customer used the key for another
        order, stock has run out or there is no such
        product; Unavailable if nothing was done, or if the outcome is unknown: either way the same
        request may be sent again, and nothing is doubled.
        """
        _assert_hard_to_guess(intent)
        reason = self._reason_to_refuse()
        if reason is not None:
            self._metrics.refused_early.inc()
            return await self._answer_again(intent, reason)
        try:
            return await self._place(intent)
        except Unavailable:
            self._metrics.unknown.inc()
            raise
        except Problem:
            self._metrics.refused.inc()
            raise

    def _reason_to_refuse(self) -> Unavailable | None:
        # What cannot be finished is better not begun: it would cost the user the wait, and us the
        # cleaning up.
        if not self._early_refusal:
            return None
        if self._reservations.are_refused:
            return DependencyUnavailable("inventory")
        if remaining_seconds(self._needs) < self._needs.total_seconds():
            return Unavailable("too-little-time", "there is too little time left to place an order")
        return None

    async def _answer_again(self, intent: Intent, reason: Unavailable) -> Order:
        # An order that is placed already needs neither time nor inventory.
        order = await self._book.find_by_key(intent.key, intent.user_id)
        if order is None:
            raise reason
        return _only_if_of(intent, order)

    async def _place(self, intent: Intent) -> Order:
        order = _only_if_of(intent, await self._book.record(intent))
        if order.status == "confirmed":
            self._metrics.repeated.inc()
            return order
        if order.status == "releasing":
            raise _being_released()
        await self._reserve(order)
        confirmed = await self._book.confirm(order.id)
        if confirmed is None:
            raise _being_released()
        self._metrics.confirmed.inc()
        return confirmed

    async def _reserve(self, order: Order) -> None:
        # Writing the intent may have taken its time. Nothing is reserved yet; the row is swept.
        reason = self._reason_to_refuse()
        if reason is not None:
            raise reason
        try:
            await self._reservations.reserve(order.id, order.sku, order.quantity)
        except Conflict:
            # The refusal is for good, so nobody can reserve under this id any more, and the key is
            # free for another try. Where deleting fails, the sweeper comes.
            with suppress(Unavailable):
                await self._book.discard(order.id)
            raise
        except Released as error:
            raise _being_released() from error

    async def read(self, order_id: UUID, user_id: UUID | None) -> Order:
        """Return the user's or a guest's order; raise NotFound if there is none."""
        order = await self._book.find(order_id)
        if order is None or not _may_see(order, user_id):
            raise NotFound("unknown-order", f"there is no order {order_id}")
        return order

    async def find_by_key(self, key: str, user_id: UUID | None) -> list[Order]:
        """Return the orders that the user placed under this key, or without a user a guest: one or none."""
        order = await self._book.find_by_key(key, user_id)
        return [] if order is None else [order]

    async def newest(self, user_id: UUID, after: UUID | None, limit: int) -> tuple[list[Order], UUID | None]:
        """Return a user's orders, newest first, from behind ``after`` on, and what to ask for next.

        Raises NotFound if ``after`` is no order of the user's.
        """
        orders = await self._book.newest(user_id, after, limit + 1)
        page = orders[:limit]
        return page, page[-1].id if len(orders) > limit else None


def _may_see(order: Order, user_id: UUID | None) -> bool:
    # Whoever holds the id or the key of a guest's order may see it: there is nothing else to know
    # a guest by, and both are hard to guess.
    return order.user_id is None or order.user_id == user_id


def _assert_hard_to_guess(intent: Intent) -> None:
    # To whoever knows it, a guest's key shows the order.
    if intent.user_id is None and len(intent.key) < GUESTS_KEY_LENGTH:
        wanted = f"a guest's Idempotency-Key has at least {GUESTS_KEY_LENGTH} characters that nobody can guess"
        raise Unauthorized("guessable-key", wanted)


def _only_if_of(intent: Intent, order: Order) -> Order:
    if not order.is_of(intent):
        raise Conflict("idempotency-key-reused", "this key was used for another order")
    return order


def _being_released() -> Unavailable:
    return Unavailable("order-being-released", "an earlier attempt at this order is being cleaned up")
