"""Stock, and reservations of it made exactly once for a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from services.kit.postgres import Postgres
from services.kit.postgres_pool import Connection
from services.kit.problems import Conflict, NotFound, Unprocessable


@dataclass(frozen=True, slots=True)
class Reservation:
    """Stock that is set aside."""

    id: UUID
    sku: str
    quantity: int


class Stock:
    """Reserves stock and says how much there is."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def available(self, sku: str) -> int:
        """Return the quantity that is not reserved, or raise NotFound."""

        async def select(connection: Connection) -> tuple[int] | None:
            cursor = await connection.execute("SELECT available FROM inventory.stock WHERE sku = %s", (sku,))
            return await cursor.fetchone()

        row = await self._postgres.run(select)
        if row is None:
            raise NotFound("unknown-sku", f"{sku} is not stocked")
        return row[0]

    async def all_available(self, skus: Sequence[str]) -> list[tuple[str, int]]:
        """Return sku and quantity that is not reserved, in order, of those that are stocked."""

        async def select(connection: Connection) -> list[tuple[str, int]]:
            cursor = await connection.execute(
                "SELECT sku, available FROM inventory.stock WHERE sku = ANY(%s) ORDER BY sku", (list(skus),)
            )
            return await cursor.fetchall()

        return await self._postgres.run(select)

    async def reserve(self, key: str, sku: str, quantity: int) -> Reservation:
        """Return the reservation of this key, making it if there is none, in one transaction.

        Raises Conflict if the key belongs to another reservation or stock has run out,
        Unprocessable if the product is not stocked, DependencyUnavailable if the outcome is
        unknown: then the same request may be sent again.
        """
        try:
            made = await self._postgres.transaction(lambda connection: _insert_or_find(connection, key, sku, quantity))
        except ForeignKeyViolation as error:
            raise Unprocessable("unknown-sku", f"{sku} is not stocked") from error
        if (made.sku, made.quantity) != (sku, quantity):
            raise Conflict("idempotency-key-reused", "this key was used for a reservation with another body")
        return made


async def _insert_or_find(connection: Connection, key: str, sku: str, quantity: int) -> Reservation:
    made = await _insert(connection, key, sku, quantity)
    if made is None:
        return await _find(connection, key)
    await _take(connection, sku, quantity)
    return made


async def _insert(connection: Connection, key: str, sku: str, quantity: int) -> Reservation | None:
    cursor = connection.cursor(row_factory=class_row(Reservation))
    # Against a twin in flight this waits for the twin's commit, and then inserts nothing.
    await cursor.execute(
        "INSERT INTO inventory.reservations (id, idempotency_key, sku, quantity)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (idempotency_key) DO NOTHING"
        " RETURNING id, sku, quantity",
        (uuid4(), key, sku, quantity),
    )
    return await cursor.fetchone()


async def _find(connection: Connection, key: str) -> Reservation:
    cursor = connection.cursor(row_factory=class_row(Reservation))
    await cursor.execute("SELECT id, sku, quantity FROM inventory.reservations WHERE idempotency_key = %s", (key,))
    reservation = await cursor.fetchone()
    # Reservations are never deleted, so what was in the way is there to be found.
    assert reservation is not None
    return reservation


async def _take(connection: Connection, sku: str, quantity: int) -> None:
    cursor = await connection.execute(
        "UPDATE inventory.stock SET available = available - %(quantity)s"
        " WHERE sku = %(sku)s AND available >= %(quantity)s",
        {"sku": sku, "quantity": quantity},
    )
    if cursor.rowcount == 0:
        # Leaving the transaction this way takes the reservation back.
        raise Conflict("out-of-stock", f"less than {quantity} of {sku} in stock")
