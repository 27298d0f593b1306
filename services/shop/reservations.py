"""Reservations of stock, made and given back at inventory."""

from uuid import UUID

import structlog

from services.kit.http.client import HttpClient
from services.kit.problems import TYPE_PREFIX, Conflict, DependencyUnavailable

_log = structlog.get_logger(__name__)

# What inventory refuses is refused to our client for the same reason; any other refusal is a
# misunderstanding between the two services.
_PASSED_ON = frozenset({"out-of-stock", "unknown-sku"})


class Released(Exception):
    """The key was released, so that nothing can be reserved under it any more."""


class Reservations:
    """Reserves stock and gives it back, under keys that are used for one order each."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @property
    def are_refused(self) -> bool:
        """Whether inventory failed so often just now that it would not even be asked."""
        return self._client.is_open

    async def reserve(self, key: UUID, sku: str, quantity: int) -> None:
        """Reserve; what is reserved under this key already is not reserved again.

        Raises Conflict if inventory refuses, which it then does for good; Released if the key was
        released; another Unavailable if it is not known whether stock is reserved.
        """
        response = await self._client.request(
            "POST",
            "/reservations",
            body={"sku": sku, "quantity": quantity},
            headers={"idempotency-key": str(key)},
            idempotent=True,
        )
        if response.status_code == 201:
            return
        body = response.json()
        kind = str(body.get("type", "")).removeprefix(TYPE_PREFIX)
        if kind in _PASSED_ON:
            raise Conflict(kind, body["detail"])
        if kind == "reservation-released":
            raise Released
        _log.error("inventory_misunderstood", status=response.status_code, body=body)
        raise DependencyUnavailable("inventory")

    async def release(self, key: UUID) -> None:
        """Give back what is reserved under this key, if anything, for good.

        Raises Unavailable if it is not known whether that was done: then it is to be called again.
        """
        response = await self._client.request("DELETE", f"/reservations/{key}", idempotent=True)
        if response.status_code != 204:
            _log.error("inventory_misunderstood", status=response.status_code)
            raise DependencyUnavailable("inventory")
