"""Orders belong to the user who placed them, and are listed page by page."""

from uuid import uuid4

import psycopg
import pytest

from compose.config import programs
from compose.settings import ROOT
from tests.component.shop_calls import kind, open_session, patient

pytestmark = pytest.mark.stack


@pytest.fixture
def shop(stack):
    with patient(stack.url("shop")) as client:
        yield client


def test_a_users_orders_are_listed_page_by_page_newest_first(shop):
    open_session(shop)
    placed = [
        shop.post(
            "/orders", json={"sku": f"sku-{number:04d}", "quantity": 1}, headers={"idempotency-key": f"test-{uuid4()}"}
        ).json()
        for number in range(1, 8)
    ]
    pages, cursor = [], None
    while True:
        page = shop.get("/orders", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        pages.append(page["orders"])
        if (cursor := page["next_cursor"]) is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [order for page in pages for order in page] == placed[::-1]
    # As many as fit exactly are one page.
    assert shop.get("/orders", params={"limit": 7}).json()["next_cursor"] is None


def test_orders_are_their_users_own_and_guests_are_whoever_knows_them(shop):
    guests_key, key = f"test-{uuid4()}", f"test-{uuid4()}"
    body = {"sku": "sku-0001", "quantity": 1}
    guests = shop.post("/orders", json=body, headers={"idempotency-key": guests_key}).json()
    open_session(shop)
    mine = shop.post("/orders", json=body, headers={"idempotency-key": key}).json()
    assert shop.get(f"/orders/{mine['id']}").json() == mine
    assert shop.get(f"/orders/{guests['id']}").json() == guests
    assert shop.get("/orders").json()["orders"] == [mine]
    assert shop.get("/orders", params={"idempotency_key": key}).json()["orders"] == [mine]
    # Another user, and a guest.
    open_session(shop)
    for _ in range(2):
        assert kind(shop.get(f"/orders/{mine['id']}")) == (404, "unknown-order")
        assert shop.get("/orders", params={"idempotency_key": key}).json()["orders"] == []
        shop.cookies.clear()
    open_session(shop)
    assert shop.get("/orders").json() == {"orders": [], "next_cursor": None}
    assert kind(shop.get("/orders", params={"cursor": mine["id"]})) == (404, "unknown-cursor")
    assert shop.get("/orders", params={"idempotency_key": guests_key}).json()["orders"] == []


def test_a_key_is_its_customers_own(shop):
    key = {"idempotency-key": f"test-{uuid4()}"}
    placed = []
    for quantity in (1, 2, 3):
        if quantity > 1:
            open_session(shop)
        body = {"sku": "sku-0001", "quantity": quantity}
        order = shop.post("/orders", json=body, headers=key)
        assert order.status_code == 201, order.text
        assert shop.post("/orders", json=body, headers=key).json() == order.json()
        assert kind(shop.post("/orders", json=body | {"quantity": 9}, headers=key)) == (409, "idempotency-key-reused")
        found = shop.get("/orders", params={"idempotency_key": key["idempotency-key"]}).json()["orders"]
        assert found == [order.json()]
        placed.append(order.json()["id"])
    assert len(set(placed)) == 3


@pytest.mark.parametrize("key", ["order-1", "a" * 31])
def test_a_guests_key_is_hard_to_guess_and_a_users_may_be_anything(shop, key):
    body, key = {"sku": "sku-0001", "quantity": 1}, {"idempotency-key": key}
    assert kind(shop.post("/orders", json=body, headers=key)) == (401, "guessable-key")
    open_session(shop)
    assert shop.post("/orders", json=body, headers=key).status_code == 201


def test_a_schema_of_before_takes_the_same_key_of_two_customers(stack, shop):
    """Whoever has data of an earlier release brings it along."""
    with psycopg.connect(programs.postgres_dsn(stack.topology, stack.topology.one("postgres").port)) as connection:
        connection.execute("CREATE SCHEMA earlier")
        schema = (ROOT / "services" / "shop" / "schema.sql").read_text()
        columns = "idempotency_key text NOT NULL UNIQUE, user_id uuid, sku text, quantity int, status text"
        times = "created_at timestamptz DEFAULT now(), attempted_at timestamptz DEFAULT now()"
        connection.execute(f"CREATE TABLE earlier.orders (id uuid PRIMARY KEY, {columns}, {times})")
        for _ in range(2):
            connection.execute(schema.replace("shop.", "earlier.").encode())
        for user in (None, uuid4(), uuid4()):
            connection.execute(
                "INSERT INTO earlier.orders (id, idempotency_key, user_id) VALUES (%s, 'k', %s)", (uuid4(), user)
            )
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO earlier.orders (id, idempotency_key) VALUES (%s, 'k')", (uuid4(),))
        connection.rollback()


def test_the_listing_is_read_from_its_index(stack):
    dsn = programs.postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    with psycopg.connect(dsn) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT id FROM shop.orders WHERE user_id = %s AND status = 'confirmed'"
            " AND (created_at, id) < (now(), %s) ORDER BY created_at DESC, id DESC LIMIT 20",
            (uuid4(), uuid4()),
        ).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "orders_of_user" in text
    assert "Sort" not in text
