"""What becomes of the uses of sessions and carts, wherever they are kept: counted, and seen in traces."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter

from services.kit.problems import Unauthorized, Unavailable
from services.kit.telemetry.spans import span
from services.shop.cart import Carts
from services.shop.sessions import Session, Sessions

_OPERATIONS = ("open", "find", "close", "cart_put", "cart_remove", "cart_read")
_RESULTS = ("ok", "unknown", "error")


class SessionOperations:
    """The counters, and a span for each operation."""

    def __init__(self, registry: CollectorRegistry) -> None:
        operations = Counter(
            "app_session_operations",
            "Uses of sessions and carts; unknown: a session was presented that is not there; error: nobody could say.",
            ("operation", "result"),
            registry=registry,
        )
        self._series = {
            operation: {result: operations.labels(operation, result) for result in _RESULTS}
            for operation in _OPERATIONS
        }

    @contextmanager
    def watch(self, operation: str) -> Iterator[None]:
        """Surround one operation."""
        series, result = self._series[operation], "ok"
        with span(f"session.{operation}") as current:
            try:
                yield
            except Unauthorized:
                result = "unknown"
                raise
            except Unavailable:
                result = "error"
                raise
            finally:
                current.set_attribute("app.result", result)
                series[result].inc()


class WatchedSessions:
    """Sessions whose operations are counted."""

    def __init__(self, sessions: Sessions, operations: SessionOperations) -> None:
        self._sessions = sessions
        self._operations = operations

    async def open(self) -> tuple[str, Session]:
        with self._operations.watch("open"):
            return await self._sessions.open()

    async def find(self, token: str) -> Session:
        with self._operations.watch("find"):
            return await self._sessions.find(token)

    async def close(self, token: str) -> None:
        with self._operations.watch("close"):
            await self._sessions.close(token)


class WatchedCarts:
    """Carts whose operations are counted."""

    def __init__(self, carts: Carts, operations: SessionOperations) -> None:
        self._carts = carts
        self._operations = operations

    async def put(self, token: str, sku: str, quantity: int) -> None:
        with self._operations.watch("cart_put"):
            await self._carts.put(token, sku, quantity)

    async def remove(self, token: str, sku: str) -> None:
        with self._operations.watch("cart_remove"):
            await self._carts.remove(token, sku)

    async def read(self, token: str) -> dict[str, int]:
        with self._operations.watch("cart_read"):
            return await self._carts.read(token)
