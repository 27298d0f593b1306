"""Reservations of stock: whatever a key was told once, it is told for good.

That also holds for refusals and releases: a request that was delayed on its way can then not set
stock aside behind the back of a caller who has long given up, and whose release came first.
"""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from services.kit.postgres.database import Postgres
from services.kit.postgres.pool import Connection
from services.kit.problems import Conflict


@dataclass(frozen=True, slots=True)
class Reservation:
    """What became of a request to set stock aside."""

    id: UUID
    sku: str | None
    """None if it was released before it was made; so is the quantity."""
    quantity: int | None
    outcome: str
    """held, released, out-of-stock or unknown-sku."""


_DETAILS = {
    "out-of-stock": "there is less in stock than is asked for",
    "unknown-sku": "this product is not stocked",
    "released": "this reservation was released, and cannot be made again",
}


class Reservations:
    """Sets stock aside and gives it back."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def reserve(self, key: UUID, sku: str, quantity: int) -> None:
        """Set stock aside, once for this key, in one transaction.

        Raises Conflict, for good, if there is too little stock, if the product is not stocked, if
        the key was released, or if it belongs to a reservation of something else; DependencyUnavailable
        if the outcome is unknown: then the same request may be sent again.
        """

        async def settle(connection: Connection) -> Reservation:
            return await _make(connection, key, sku, quantity) or await _find(connection, key)

        settled = await self._postgres.transaction(settle)
        if settled.outcome == "released":
            raise Conflict("reservation-released", _DETAILS["released"])
        if (settled.sku, settled.quantity) != (sku, quantity):
            raise Conflict("idempotency-key-reused", "this key was used for a reservation with another body")
        if settled.outcome != "held":
            raise Conflict(settled.outcome, _DETAILS[settled.outcome])

    async def release(self, key: UUID) -> None:
        """Give back what is set aside under this key, if anything, and let nothing be from now on.

        Raises DependencyUnavailable if the outcome is unknown: then it may be called again.
        """

        async def give_back(connection: Connection) -> None:
            # Against a reservation in flight this waits for its commit, and then inserts nothing.
            await connection.execute(
                "INSERT INTO inventory.reservations (id, outcome) VALUES (%s, 'released') ON CONFLICT (id) DO NOTHING",
                (key,),
            )
            await connection.execute(
                "WITH released AS (UPDATE inventory.reservations SET outcome = 'released'"
                " WHERE id = %s AND outcome = 'held' RETURNING sku, quantity)"
                " UPDATE inventory.stock SET available = available + released.quantity"
                " FROM released WHERE stock.sku = released.sku",
                (key,),
            )

        await self._postgres.transaction(give_back)


async def _make(connection: Connection, key: UUID, sku: str, quantity: int) -> Reservation | None:
    cursor = connection.cursor(row_factory=class_row(Reservation))
    # Against a twin in flight this waits for the twin's commit, and then inserts nothing.
    await cursor.execute(
        "INSERT INTO inventory.reservations (id, sku, quantity, outcome) VALUES (%s, %s, %s, 'held')"
        " ON CONFLICT (id) DO NOTHING RETURNING id, sku, quantity, outcome",
        (key, sku, quantity),
    )
    made = await cursor.fetchone()
    if made is None or await _take(connection, sku, quantity):
        return made
    await cursor.execute(
        "UPDATE inventory.reservations SET outcome = CASE"
        " WHEN EXISTS (SELECT FROM inventory.stock WHERE sku = %s) THEN 'out-of-stock' ELSE 'unknown-sku' END"
        " WHERE id = %s RETURNING id, sku, quantity, outcome",
        (sku, key),
    )
    return await cursor.fetchone()


async def _take(connection: Connection, sku: str, quantity: int) -> bool:
    cursor = await connection.execute(
        "UPDATE inventory.stock SET available = available - %(quantity)s"
        " WHERE sku = %(sku)s AND available >= %(quantity)s",
        {"sku": sku, "quantity": quantity},
    )
    return cursor.rowcount == 1


async def _find(connection: Connection, key: UUID) -> Reservation:
    cursor = connection.cursor(row_factory=class_row(Reservation))
    await cursor.execute("SELECT id, sku, quantity, outcome FROM inventory.reservations WHERE id = %s", (key,))
    reservation = await cursor.fetchone()
    # Reservations are never deleted, so what was in the way is there to be found.
    assert reservation is not None
    return reservation
