"""Reservations of stock, made at inventory."""

from uuid import UUID

import structlog

from services.kit.http_client import HttpClient
from services.kit.problems import (
    TYPE_PREFIX,
    Conflict,
    DependencyUnavailable,
    Problem,
    Unprocessable,
)

_log = structlog.get_logger(__name__)

# What inventory refuses is refused to our client for the same reason; any other refusal is a
# misunderstanding between the two services.
_PASSED_ON: dict[str, type[Problem]] = {
    "out-of-stock": Conflict,
    "idempotency-key-reused": Conflict,
    "unknown-sku": Unprocessable,
}


class Reservations:
    """Reserves stock."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def reserve(self, key: str, sku: str, quantity: int) -> UUID:
        """Reserve, or find the reservation made under the same key before; return its id.

        Raises Conflict or Unprocessable as inventory says, DependencyUnavailable if it does not.
        """
        response = await self._client.request(
            "POST",
            "/reservations",
            body={"sku": sku, "quantity": quantity},
            headers={"idempotency-key": key},
            idempotent=True,
        )
        body = response.json()
        if response.status_code == 201:
            return UUID(body["id"])
        kind = str(body.get("type", "")).removeprefix(TYPE_PREFIX)
        if kind in _PASSED_ON:
            raise _PASSED_ON[kind](kind, body["detail"])
        _log.error("inventory_misunderstood", status=response.status_code, body=body)
        raise DependencyUnavailable("inventory")
