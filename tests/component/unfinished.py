"""Orders that were begun: what is left of them, and settings with which they are soon given up."""

import psycopg

from compose.config import programs

# An order is abandoned after three seconds instead of thirty; the rest follows from it. What an order does before it
# asks inventory has 1.5 s of the deadline, for a busy machine.
HASTY = {
    "SHOP_REQUEST_DEADLINE": "2s",
    "SHOP_INVENTORY_TIMEOUT": "500ms",
    "SHOP_ORDER_ABANDONED_AFTER": "3s",
    "SHOP_SWEEP_EVERY": "200ms",
}


def unfinished(stack, keys):
    """The status of each of these orders that is neither confirmed nor gone."""
    dsn = programs.postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT status FROM shop.orders WHERE idempotency_key = ANY(%s) AND status <> 'confirmed'", (list(keys),)
        )
        return [row[0] for row in rows]
