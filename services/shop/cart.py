"""Carts: what a user may be about to order, kept with the session."""

from typing import Protocol

from services.kit.problems import Conflict
from services.shop.sessions import RedisSessions

MOST_ITEMS = 50


class Carts(Protocol):
    """Keeps one cart a session. Products are named by sku only and not looked up: an order says whether one exists.

    Every method raises Unauthorized if there is no such session, Unavailable if carts cannot be asked for.
    """

    async def put(self, token: str, sku: str, quantity: int) -> None:
        """Have so many of a product in the cart; raises Conflict if it is full of others."""

    async def remove(self, token: str, sku: str) -> None:
        """Have none of a product in the cart."""

    async def read(self, token: str) -> dict[str, int]:
        """Return the quantity of each product in the cart."""


def cart_full() -> Conflict:
    """What to raise for one product too many."""
    return Conflict("cart-full", f"a cart holds at most {MOST_ITEMS} different products")


# Of a cart that was empty before, only now is there something to expire.
_PUT = """
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[2], left)
return 1
"""


class RedisCarts:
    """A hash beside the session's, a field for each product, so that concurrent updates of different ones all count."""

    def __init__(self, sessions: RedisSessions) -> None:
        self._sessions = sessions

    async def put(self, token: str, sku: str, quantity: int) -> None:
        if not await self._sessions.use(token, _PUT, sku, quantity, MOST_ITEMS):
            raise cart_full()

    async def remove(self, token: str, sku: str) -> None:
        await self._sessions.use(token, "return redis.call('HDEL', KEYS[2], ARGV[2])", sku)

    async def read(self, token: str) -> dict[str, int]:
        flat = await self._sessions.use(token, "return redis.call('HGETALL', KEYS[2])")
        return {sku.decode(): int(quantity) for sku, quantity in zip(flat[::2], flat[1::2], strict=True)}
