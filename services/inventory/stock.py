"""How much there is of a product."""

from collections.abc import Sequence

from services.kit.postgres.database import Postgres
from services.kit.postgres.pool import Connection
from services.kit.problems import NotFound


class Stock:
    """Says how much there is."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def available(self, sku: str) -> int:
        """Return the quantity that is not reserved, or raise NotFound."""

        async def look(connection: Connection) -> int | None:
            cursor = await connection.execute("SELECT available FROM inventory.stock WHERE sku = %s", (sku,))
            row = await cursor.fetchone()
            return None if row is None else int(row[0])

        available = await self._postgres.run(look)
        if available is None:
            raise NotFound("unknown-sku", f"{sku} is not stocked")
        return available

    async def all_available(self, skus: Sequence[str]) -> list[tuple[str, int]]:
        """Return sku and quantity that is not reserved, in order, of those that are stocked."""

        async def select(connection: Connection) -> list[tuple[str, int]]:
            cursor = await connection.execute(
                "SELECT sku, available FROM inventory.stock WHERE sku = ANY(%s) ORDER BY sku", (list(skus),)
            )
            return await cursor.fetchall()

        return await self._postgres.run(select)
