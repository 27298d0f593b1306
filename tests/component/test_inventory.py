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
    return str(uuid4())


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


def test_a_refusal_is_for_good(inventory, key):
    for _ in range(2):
        response = reserve(inventory, key, sku="sku-0000")
        assert (response.status_code, kind(response)) == (409, "out-of-stock")
    response = reserve(inventory, key)
    assert (response.status_code, kind(response)) == (409, "idempotency-key-reused")


def test_what_is_not_stocked_cannot_be_reserved_or_shown(inventory, key):
    for _ in range(2):
        response = reserve(inventory, key, sku="sku-9999")
        assert (response.status_code, kind(response)) == (409, "unknown-sku")
    response = inventory.get("/stock/sku-9999")
    assert (response.status_code, kind(response)) == (404, "unknown-sku")


def test_a_release_gives_the_stock_back_once_and_for_good(inventory, key):
    before = available(inventory)
    reserve(inventory, key, 4)
    assert available(inventory) == before - 4
    with ThreadPoolExecutor(10) as pool:
        released = list(pool.map(lambda _: inventory.delete(f"/reservations/{key}").status_code, range(10)))
    assert released == [204] * 10
    assert available(inventory) == before
    response = reserve(inventory, key, 4)
    assert (response.status_code, kind(response)) == (409, "reservation-released")
    assert available(inventory) == before


def test_a_release_that_comes_first_wins(inventory, key):
    before = available(inventory)
    assert inventory.delete(f"/reservations/{key}").status_code == 204
    response = reserve(inventory, key, 4)
    assert (response.status_code, kind(response)) == (409, "reservation-released")
    assert available(inventory) == before


def test_reservations_and_releases_at_once_leave_no_stock_behind(inventory, key):
    before = available(inventory)
    with ThreadPoolExecutor(20) as pool:
        requests = [pool.submit(reserve, inventory, key, 2) for _ in range(10)]
        requests += [pool.submit(inventory.delete, f"/reservations/{key}") for _ in range(10)]
        statuses = {request.result().status_code for request in requests}
    assert statuses <= {201, 204, 409}
    assert available(inventory) == before


def test_a_bad_reservation_is_refused(inventory, key):
    for quantity in (0, 101, "1", True):
        assert reserve(inventory, key, quantity=quantity).status_code == 422
    assert inventory.post("/reservations", json={"sku": SKU, "quantity": 1}).status_code == 422


def test_every_instance_is_ready(stack):
    for name in ("inventory-1", "inventory-2"):
        assert httpx.get(f"{stack.instance_url(name)}/readyz").status_code == 200
