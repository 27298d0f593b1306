"""Orders as Postgres keeps them: each function is one statement, or one and a look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from services.kit.postgres.database import Postgres
from services.kit.postgres.pool import Connection
from services.kit.problems import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants to order."""

    key: str
    """Idempotency key: the same key of the same customer is the same order."""
    user_id: UUID | None
    """None for a guest."""
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    """A row of the book."""

    id: UUID
    idempotency_key: str
    user_id: UUID | None
    sku: str
    quantity: int
    status: str
    """pending, confirmed or releasing; only confirmed ones are anybody's business."""
    created_at: datetime

    def is_of(self, intent: Intent) -> bool:
        """Whether this is the order that is wanted, and not another one under its key."""
        return Intent(self.idempotency_key, self.user_id, self.sku, self.quantity) == intent


_COLUMNS = "id, idempotency_key, user_id, sku, quantity, status, created_at"

# The row is locked by its insertion or by the update, so that requests with one key take turns here.
# Only who may go on with an order keeps it from being abandoned: anybody else's attempt leaves its age.
_RECORD = f"""
INSERT INTO shop.orders AS kept (id, idempotency_key, user_id, sku, quantity, status)
VALUES (%(id)s, %(key)s, %(user_id)s, %(sku)s, %(quantity)s, 'pending')
ON CONFLICT (idempotency_key, user_id) DO UPDATE SET attempted_at =
    CASE WHEN kept.status = 'pending'
          AND (kept.sku, kept.quantity) = (excluded.sku, excluded.quantity)
         THEN now() ELSE kept.attempted_at END
RETURNING {_COLUMNS}
"""  # noqa: S608  (our own list of columns)
_CONFIRM = f"""
UPDATE shop.orders SET status = 'confirmed', created_at = now() WHERE id = %s AND status = 'pending'
RETURNING {_COLUMNS}
"""  # noqa: S608
_BY_ID = f"SELECT {_COLUMNS} FROM shop.orders WHERE id = %s AND status = 'confirmed'"  # noqa: S608
_BY_KEY = f"""
SELECT {_COLUMNS} FROM shop.orders
WHERE idempotency_key = %s AND user_id IS NOT DISTINCT FROM %s::uuid AND status = 'confirmed'
"""  # noqa: S608
_NEWEST = f"""
SELECT {_COLUMNS} FROM shop.orders WHERE user_id = %(user_id)s AND status = 'confirmed'
ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608
_OLDER = f"""
SELECT {_COLUMNS} FROM shop.orders WHERE user_id = %(user_id)s AND status = 'confirmed'
 AND (created_at, id) < (%(created_at)s, %(id)s)
ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608


class OrderBook:
    """Writes orders down and finds them again. Everything here is safe to repeat."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def record(self, intent: Intent) -> Order:
        """Write down that this is to be ordered, or return what its customer has under its key already.

        Raises Conflict if there is no such product.
        """
        values = {"key": intent.key, "user_id": intent.user_id, "sku": intent.sku, "quantity": intent.quantity}

        async def write(connection: Connection) -> Order | None:
            return await _one(connection, _RECORD, {**values, "id": uuid4()})

        try:
            order = await self._postgres.run(write)
        except ForeignKeyViolation as error:
            raise Conflict("unknown-sku", f"there is no product {intent.sku}") from error
        assert order is not None
        return order

    async def confirm(self, order_id: UUID) -> Order | None:
        """Return the order, confirmed now or before; None if it has been given up."""

        async def write(connection: Connection) -> Order | None:
            return await _one(connection, _CONFIRM, (order_id,)) or await _one(connection, _BY_ID, (order_id,))

        return await self._postgres.run(write)

    async def discard(self, order_id: UUID) -> None:
        """Forget an order that was not confirmed."""

        async def delete(connection: Connection) -> None:
            await connection.execute("DELETE FROM shop.orders WHERE id = %s AND status <> 'confirmed'", (order_id,))

        await self._postgres.run(delete)

    async def find(self, order_id: UUID) -> Order | None:
        """Return the confirmed order of this id."""
        return await self._postgres.run(lambda connection: _one(connection, _BY_ID, (order_id,)))

    async def find_by_key(self, key: str, user_id: UUID | None) -> Order | None:
        """Return the confirmed order under this key of the user's, or of a guest's."""
        return await self._postgres.run(lambda connection: _one(connection, _BY_KEY, (key, user_id)))

    async def newest(self, user_id: UUID, after: UUID | None, limit: int) -> list[Order]:
        """Return a user's confirmed orders, newest first, from behind the order ``after`` on.

        Raises NotFound if that is no order of the user's.
        """

        async def read(connection: Connection) -> list[Order]:
            values: dict[str, object] = {"user_id": user_id, "limit": limit}
            if after is None:
                return await _all(connection, _NEWEST, values)
            last = await _one(connection, _BY_ID, (after,))
            if last is None or last.user_id != user_id:
                raise NotFound("unknown-cursor", f"{after} is no order of yours")
            return await _all(connection, _OLDER, values | {"id": last.id, "created_at": last.created_at})

        return await self._postgres.run(read)


Values = Sequence[object] | Mapping[str, object]


async def _one(connection: Connection, statement: str, values: Values) -> Order | None:
    cursor = connection.cursor(row_factory=class_row(Order))
    await cursor.execute(statement, values)
    return await cursor.fetchone()


async def _all(connection: Connection, statement: str, values: Values) -> list[Order]:
    cursor = connection.cursor(row_factory=class_row(Order))
    await cursor.execute(statement, values)
    return await cursor.fetchall()
