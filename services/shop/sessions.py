"""Sessions: who a user is, known to every instance."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

from services.kit.problems import Unauthorized
from services.kit.redis.cluster import Redis

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One user's visit."""

    user_id: UUID
    """Made with the session; there are no accounts."""
    expires_in: timedelta


class Sessions(Protocol):
    """Keeps sessions for a while, under tokens that only their users know.

    Every method raises Unavailable if sessions cannot be asked for.
    """

    async def open(self) -> tuple[str, Session]:
        """Begin a session and return it with its token."""

    async def find(self, token: str) -> Session:
        """Return the session, or raise Unauthorized if there is none any more."""

    async def close(self, token: str) -> None:
        """End the session and forget its cart; raise Unauthorized if there is none any more."""


def new_token() -> str:
    """Return a token nobody can guess."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def name_of(token: str) -> str:
    """Return what a session is kept under: whoever reads the store learns no token from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def no_session() -> Unauthorized:
    """What to raise for a session that is not there."""
    return Unauthorized("no-session", "there is no such session, or it has expired")


# Every use of a session starts like this, in one step with what is done to it: a session that expires
# meanwhile leaves no cart behind. ARGV[1] is the time to live in ms that a use gives it; 0 gives it none.
_USE = """
local user = redis.call('HGET', KEYS[1], 'user_id')
if not user then return false end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
local left = redis.call('PTTL', KEYS[1])
redis.call('PEXPIRE', KEYS[2], left)
"""
_OPEN = """
redis.call('HSET', KEYS[1], 'user_id', ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""


class RedisSessions:
    """Sessions in the Redis Cluster, the same for all instances.

    Redis replicates without waiting: what was written in the second before a master is lost may be lost with it.
    """

    def __init__(self, redis: Redis, ttl: timedelta, *, sliding: bool) -> None:
        self._redis = redis
        self._ttl = ttl
        self._ttl_ms = round(ttl.total_seconds() * 1000)
        self._renewed_ms = self._ttl_ms if sliding else 0

    async def open(self) -> tuple[str, Session]:
        token, session = new_token(), Session(uuid4(), self._ttl)
        await self._run(name_of(token), _OPEN, str(session.user_id), self._ttl_ms)
        return token, session

    async def find(self, token: str) -> Session:
        user_id, left_ms = await self.use(token, "return {user, left}")
        return Session(UUID(user_id.decode()), timedelta(milliseconds=left_ms))

    async def close(self, token: str) -> None:
        await self.use(token, "return redis.call('DEL', KEYS[1], KEYS[2])")

    async def use(self, token: str, lua: str, *arguments: str | int) -> Any:
        """Run Lua on a session (KEYS[1]) and its cart (KEYS[2]) in one step, with arguments from ARGV[2] on.

        It finds the user's id in ``user`` and the ms left in ``left``, and must not return false.
        Raises Unauthorized if there is no such session.
        """
        answer = await self._run(name_of(token), _USE + lua, self._renewed_ms, *arguments)
        if answer is None:
            raise no_session()
        return answer

    async def _run(self, name: str, lua: str, *arguments: str | int) -> Any:
        # The braces put both into one slot, as one script can only touch keys of one node.
        session, cart = f"session:{{{name}}}", f"cart:{{{name}}}"
        return await self._redis.run(
            session, lambda cluster: cluster.eval(lua, 2, session, cart, *arguments), "EVAL session"
        )
