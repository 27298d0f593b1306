"""Asks the shop, after recovery, for every order and every session of the ledgers."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx

from chaos.facts.ledger import Order, OrderReading
from chaos.facts.sessions import Look, SessionReading, UserSession
from chaos.load.body import cart_items, user_id
from chaos.reach import entry
from chaos.spec.mix import COOKIE

AT_ONCE = 20
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.2


def read_back(
    orders: Iterable[Order],
    base_url: str,
    deadline: timedelta,
    *,
    transport: httpx.BaseTransport | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[OrderReading]:
    """Yield one reading for each order, in their order, while about 20 of them are asked for at a time.

    A read that fails is tried 5 times with growing pauses until `deadline` has passed since the first reading was
    asked for; then the order's reading says that it could not be read. Never raises because of the shop.
    """
    shop = _Shop(base_url, time.monotonic() + deadline.total_seconds(), transport, pause)
    with shop.client, ThreadPoolExecutor(AT_ONCE, "read-back") as pool:
        yield from pool.map(shop.read, orders)


def read_sessions_back(
    sessions: Iterable[UserSession],
    base_url: str,
    deadline: timedelta,
    *,
    origin: float = 0.0,
    transport: httpx.BaseTransport | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[SessionReading]:
    """Yield one reading for each acknowledged session, as `read_back` does for orders.

    `origin`: the run's start on the monotonic clock, from which is told when it was looked at.
    """
    shop = _Shop(base_url, time.monotonic() + deadline.total_seconds(), transport, pause, origin)
    with shop.client, ThreadPoolExecutor(AT_ONCE, "read-back") as pool:
        yield from pool.map(shop.read_session, (one for one in sessions if one.token is not None))


class _Unread(Exception):
    """The shop gave no usable answer."""


class _Shop:
    def __init__(
        self,
        base_url: str,
        ends: float,
        transport: httpx.BaseTransport | None,
        pause: Callable[[float], None],
        origin: float = 0.0,
    ) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        self.client = httpx.Client(base_url=base_url, limits=limits, transport=transport, verify=entry.certificates())
        self._ends = ends
        self._pause = pause
        self._origin = origin

    def read(self, order: Order) -> OrderReading:
        try:
            by_key = self._ids_under(order.key)
            by_id = order.id is not None and self._has(order.id)
        except _Unread:
            return OrderReading(order.key, order.state, found=None, id_matches=False)
        ids = {*by_key, order.id} if by_id else set(by_key)
        # Two rows that share an id are two rows all the same.
        found = max(len(by_key), len(ids))
        return OrderReading(order.key, order.state, found, id_matches=by_id and order.id in by_key)

    def read_session(self, session: UserSession) -> SessionReading:
        cookie = {"Cookie": f"{COOKIE}={session.token}"}
        at = time.monotonic() - self._origin
        try:
            whose, cart = (self._get(path, {}, {200, 401}, cookie) for path in ("/sessions/me", "/cart"))
            if 401 in (whose.status_code, cart.status_code):
                return SessionReading(session.key, Look(at, gone=True))
            items = cart_items(cart.content)
            if items is None:
                raise _Unread
        except _Unread:
            return SessionReading(session.key, None)
        return SessionReading(session.key, Look(at, gone=False, user_id=user_id(whose.content), items=items))

    def _ids_under(self, key: str) -> list[str]:
        answer = self._get("/orders", {"idempotency_key": key}, final={200})
        try:
            return [str(order["id"]) for order in answer.json()["orders"]]
        except (ValueError, KeyError, TypeError) as error:
            raise _Unread from error

    def _has(self, order_id: str) -> bool:
        answer = self._get(f"/orders/{order_id}", {}, final={200, 404})
        try:
            return answer.status_code == 200 and str(answer.json()["id"]) == order_id
        except (ValueError, KeyError, TypeError) as error:
            raise _Unread from error

    def _get(
        self, path: str, params: dict[str, str], final: set[int], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        pause_seconds = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            left_seconds = self._ends - time.monotonic()
            if left_seconds <= 0:
                break
            try:
                answer = self.client.get(path, params=params, headers=headers, timeout=min(2.0, left_seconds))
                if answer.status_code in final:
                    return answer
            except httpx.HTTPError:
                pass  # like an unusable answer: asked again, or unread
            if attempt < ATTEMPTS:
                self._pause(min(pause_seconds, max(0.0, self._ends - time.monotonic())))
                pause_seconds *= 2
        raise _Unread
