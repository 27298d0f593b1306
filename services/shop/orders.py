"""Orders: placed exactly once for a key, however often and wherever the request arrives."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from services.kit.postgres import Postgres
from services.kit.postgres_pool import Connection
from services.kit.problems import Conflict, NotFound, Unprocessable
from services.shop.reservations import Reservations


@dataclass(frozen=True, slots=True)
class Order:
    """An order that is committed."""

    id: UUID
    idempotency_key: str
    sku: str
    quantity: int
    status: str
    created_at: datetime


class Orders:
    """Places orders and finds them again."""

    def __init__(self, postgres: Postgres, reservations: Reservations) -> None:
        self._postgres = postgres
        self._reservations = reservations

    async def place(self, key: str, sku: str, quantity: int) -> Order:
        """Return the order of this key, placing it if there is none.

        Raises Conflict if the key belongs to another order or stock has run out, Unprocessable if
        there is no such product, DependencyUnavailable if the outcome is unknown: then the same
        request with the same key may be sent again, and nothing is doubled.
        """
        placed = await self._postgres.run(lambda connection: _find_by_key(connection, key))
        if placed is None:
            # First the reservation, under the same key, and no connection held meanwhile. A crash
            # after it leaves stock reserved without an order; the repeated request gets the same
            # reservation and goes on from there.
            reservation = await self._reservations.reserve(key, sku, quantity)
            try:
                placed = await self._postgres.transaction(
                    lambda connection: _insert_or_find(connection, key, sku, quantity, reservation)
                )
            except ForeignKeyViolation as error:
                # Inventory stocks it and we do not sell it.
                raise Unprocessable("unknown-sku", f"there is no product {sku}") from error
        if (placed.sku, placed.quantity) != (sku, quantity):
            raise Conflict("idempotency-key-reused", "this key was used for an order with another body")
        return placed

    async def read(self, order_id: UUID) -> Order:
        """Return the order or raise NotFound."""
        order = await self._postgres.run(lambda connection: _find_by_id(connection, order_id))
        if order is None:
            raise NotFound("unknown-order", f"there is no order {order_id}")
        return order

    async def find_by_key(self, key: str) -> list[Order]:
        """Return the orders placed under this key: one or none."""
        order = await self._postgres.run(lambda connection: _find_by_key(connection, key))
        return [order] if order else []


async def _find_by_id(connection: Connection, order_id: UUID) -> Order | None:
    cursor = connection.cursor(row_factory=class_row(Order))
    await cursor.execute(
        "SELECT id, idempotency_key, sku, quantity, status, created_at FROM shop.orders WHERE id = %s",
        (order_id,),
    )
    return await cursor.fetchone()


async def _find_by_key(connection: Connection, key: str) -> Order | None:
    cursor = connection.cursor(row_factory=class_row(Order))
    await cursor.execute(
        "SELECT id, idempotency_key, sku, quantity, status, created_at FROM shop.orders WHERE idempotency_key = %s",
        (key,),
    )
    return await cursor.fetchone()


async def _insert_or_find(connection: Connection, key: str, sku: str, quantity: int, reservation_id: UUID) -> Order:
    cursor = connection.cursor(row_factory=class_row(Order))
    # Against a twin in flight this waits for the twin's commit, and then inserts nothing.
    await cursor.execute(
        "INSERT INTO shop.orders (id, idempotency_key, sku, quantity, reservation_id, status)"
        " VALUES (%s, %s, %s, %s, %s, 'confirmed') ON CONFLICT (idempotency_key) DO NOTHING"
        " RETURNING id, idempotency_key, sku, quantity, status, created_at",
        (uuid4(), key, sku, quantity, reservation_id),
    )
    order = await cursor.fetchone() or await _find_by_key(connection, key)
    # Orders are never deleted, so what was in the way is there to be found.
    assert order is not None
    return order
