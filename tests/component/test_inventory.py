"""Inventory: a reservation is made once for a key, and never beyond stock."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

pytestmark = pytest.mark.stack

SKU = "sku-0998"


@pytest.fixture
def inventory(stack):
    with httpx.Client(base_url=stack.url("inventory"), timeout=10) as client:
        yield client


@pytest.fixture
def key():
    return f"test-{uuid4()}"


def reserve(inventory, key, quantity=1, sku=SKU):
    body = {"sku": sku, "quantity": quantity}
    return inventory.post("/reservations", json=body, headers={"idempotency-key": key})


def available(inventory, sku=SKU):
    return inventory.get(f"/stock/{sku}").json()["available"]


def kind(response):
    return response.json()["type"].removeprefix("urn:stormdrill:problem:")


def test_a_reservation_takes_stock_once(inventory, key):
    before = available(inventory)
    first, second = reserve(inventory, key, 7), reserve(inventory, key, 7)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert available(inventory) == before - 7


def test_twenty_requests_at_once_with_one_key_are_one_reservation(inventory, key):
    before = available(inventory)
    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(lambda _: reserve(inventory, key, 2), range(20)))
    assert [response.status_code for response in responses] == [201] * 20
    assert len({response.json()["id"] for response in responses}) == 1
    assert available(inventory) == before - 2


def test_a_key_with_another_body_is_refused(inventory, key):
    reserve(inventory, key, 1)
    response = reserve(inventory, key, 2)
    assert (response.status_code, kind(response)) == (409, "idempotency-key-reused")


def test_a_refusal_for_want_of_stock_leaves_nothing_behind(inventory, key):
    response = reserve(inventory, key, sku="sku-0000")
    assert (response.status_code, kind(response)) == (409, "out-of-stock")
    # Had the reservation stayed, its key would be taken now.
    assert reserve(inventory, key).status_code == 201


def test_what_is_not_stocked_cannot_be_reserved_or_shown(inventory, key):
    response = reserve(inventory, key, sku="sku-9999")
    assert (response.status_code, kind(response)) == (422, "unknown-sku")
    response = inventory.get("/stock/sku-9999")
    assert (response.status_code, kind(response)) == (404, "unknown-sku")


def test_a_bad_reservation_is_refused(inventory, key):
    assert reserve(inventory, key, quantity=0).status_code == 422
    assert inventory.post("/reservations", json={"sku": SKU, "quantity": 1}).status_code == 422


def test_every_instance_is_ready(stack):
    for name in ("inventory-1", "inventory-2"):
        assert httpx.get(f"{stack.instance_url(name)}/readyz").status_code == 200
