"""The shop through HAProxy, with everything behind it: an order is placed once, and everything it does is seen."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from compose.config.programs import postgres_dsn
from tests.component.shop_calls import patient
from tests.waiting import until

pytestmark = pytest.mark.stack

SKU = "sku-0997"
# Spans leave the services every second and Prometheus asks every second; the rest is a busy machine.
SEEN_WITHIN_SECONDS = 30.0


@pytest.fixture
def shop(stack):
    with patient(stack.url("shop")) as client:
        yield client


@pytest.fixture
def inventory(stack):
    with patient(stack.url("inventory")) as client:
        yield client


@pytest.fixture
def key():
    return f"test-{uuid4()}"


def place(shop, key, quantity=1, sku=SKU, **headers):
    body = {"sku": sku, "quantity": quantity}
    return shop.post("/orders", json=body, headers={"idempotency-key": key, **headers})


def available(inventory, sku=SKU):
    return inventory.get(f"/stock/{sku}").json()["available"]


def eventually(look):
    """Return the first true answer, or the last one when time is up."""
    give_up_at = time.monotonic() + SEEN_WITHIN_SECONDS
    while not (found := look()) and time.monotonic() < give_up_at:
        time.sleep(0.2)
    return found


def problem(response, status, kind):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == f"urn:stormdrill:problem:{kind}"
    assert body["status"] == status
    assert len(body["trace_id"]) == 32
    return body


def test_a_product_is_shown(shop):
    response = shop.get("/products/sku-0001")
    assert response.status_code == 200
    assert response.json() == {"sku": "sku-0001", "name": "Product 1", "price_cents": 107}


def test_an_order_is_placed_and_read_back(shop, key):
    response = place(shop, key, quantity=2)
    assert response.status_code == 201
    order = response.json()
    assert UUID(order["id"])
    assert (order["sku"], order["quantity"], order["status"]) == (SKU, 2, "confirmed")
    assert response.headers["location"] == f"/orders/{order['id']}"
    assert shop.get(f"/orders/{order['id']}").json() == order
    assert shop.get("/orders", params={"idempotency_key": key}).json()["orders"] == [order]


def test_the_same_key_and_body_get_the_same_answer_and_reserve_once(shop, inventory, key):
    before = available(inventory)
    first, second = place(shop, key, quantity=3), place(shop, key, quantity=3)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert available(inventory) == before - 3


def test_the_same_key_with_another_body_is_refused_and_reserves_nothing(shop, inventory, key):
    place(shop, key, quantity=1)
    before = available(inventory)
    problem(place(shop, key, quantity=2), 409, "idempotency-key-reused")
    assert available(inventory) == before


def test_twenty_requests_at_once_with_one_key_are_one_order(shop, inventory, key):
    before = available(inventory)
    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(lambda _: place(shop, key, quantity=5), range(20)))
    assert [response.status_code for response in responses] == [201] * 20
    assert len({response.json()["id"] for response in responses}) == 1
    assert len(shop.get("/orders", params={"idempotency_key": key}).json()["orders"]) == 1
    assert available(inventory) == before - 5


def test_an_order_nobody_placed_is_not_found(shop, key):
    assert shop.get("/orders", params={"idempotency_key": key}).json()["orders"] == []
    problem(shop.get(f"/orders/{uuid4()}"), 404, "unknown-order")


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        '{"sku": "sku-0001"}',
        '{"sku": "sku-0001", "quantity": 0}',
        '{"sku": "sku-0001", "quantity": 101}',
        '{"sku": "sku-0001", "quantity": "many"}',
        '{"sku": "sku-0001", "quantity": "1"}',
        '{"sku": "sku-0001", "quantity": true}',
        '{"sku": "sku-0001", "quantity": 1, "price_cents": 0}',
        '{"sku": "a\\u0000b", "quantity": 1}',
    ],
)
def test_a_bad_order_is_refused(shop, key, body):
    headers = {"idempotency-key": key, "content-type": "application/json"}
    problem(shop.post("/orders", content=body, headers=headers), 422, "invalid-request")


def test_an_order_without_a_key_is_refused(shop):
    problem(shop.post("/orders", json={"sku": SKU, "quantity": 1}), 422, "invalid-request")


def test_an_order_of_an_unknown_product_is_refused(shop, key):
    problem(place(shop, key, sku="sku-9999"), 409, "unknown-sku")


@pytest.fixture
def sold_out(stack):
    """A product of which there is none left, for as long as the test lasts."""
    sku = "sku-0995"
    dsn = postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    with psycopg.connect(dsn, autocommit=True) as connection:
        statement = "UPDATE inventory.stock SET available = %s WHERE sku = %s"
        before = connection.execute("SELECT available FROM inventory.stock WHERE sku = %s", (sku,)).fetchone()[0]
        connection.execute(statement, (0, sku))
        yield sku
        connection.execute(statement, (before, sku))


def test_an_order_beyond_stock_is_refused_and_leaves_nothing_behind(shop, key, sold_out):
    for _ in range(2):
        problem(place(shop, key, sku=sold_out), 409, "out-of-stock")
    # Had the order stayed, its key would be taken now.
    assert place(shop, key).status_code == 201


def test_twenty_requests_at_once_with_one_key_are_all_refused_for_want_of_stock(shop, key, sold_out):
    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(lambda _: place(shop, key, sku=sold_out), range(20)))
    for response in responses:
        problem(response, 409, "out-of-stock")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/products/sku-9999", 404, "unknown-product"),
        ("GET", "/products/%00", 422, "invalid-request"),
        ("GET", "/orders/1", 422, "invalid-request"),
        ("GET", "/orders", 401, "no-session"),
        ("GET", "/orders?limit=0", 422, "invalid-request"),
        ("GET", "/orders?cursor=1", 422, "invalid-request"),
        ("GET", "/nowhere", 404, "not-found"),
        ("DELETE", "/orders", 405, "method-not-allowed"),
    ],
)
def test_a_bad_request_is_refused(shop, method, path, status, kind):
    problem(shop.request(method, path), status, kind)


def test_one_order_is_one_trace_through_both_services(stack):

    def placed():
        # Sent again it would be the same trace, and two requests of it.
        trace_id = secrets.token_hex(16)
        response = place(shop, f"test-{uuid4()}", traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")
        return trace_id if response.status_code == 201 else None

    with httpx.Client(base_url=stack.instance_url("shop-1"), timeout=10) as shop:
        trace_id = until(placed)

    def spans():
        answer = httpx.get(f"{stack.url('jaeger')}/api/traces/{trace_id}").json()
        traces = answer.get("data") or [{"spans": [], "processes": {}}]
        services = {process["serviceName"] for process in traces[0]["processes"].values()}
        # The shop's root span ends last, and may be exported after those of inventory.
        ended = any(span["operationName"] == "POST /orders" for span in traces[0]["spans"])
        return traces[0] if ended and services == {"shop", "inventory"} else None

    trace = eventually(spans)
    assert trace, f"no trace {trace_id} of both services within {SEEN_WITHIN_SECONDS} s"
    names = [span["operationName"] for span in trace["spans"]]
    assert names.count("POST /orders") == 1, names
    assert names.count("POST /reservations") == 1, names
    assert "postgres.pool.wait" in names
    assert {"INSERT shop.orders", "UPDATE shop.orders"} <= set(names), names
    # The conventions as they are stable, and no span for each message of ASGI.
    root = next(span for span in trace["spans"] if span["operationName"] == "POST /orders")
    tags = {tag["key"]: tag["value"] for tag in root["tags"]}
    assert (tags["http.route"], tags["http.response.status_code"]) == ("/orders", 201)
    assert not [name for name in names if name.endswith(("http send", "http receive"))]


def query(stack, promql):
    answer = httpx.get(f"{stack.url('prometheus')}/api/v1/query", params={"query": promql}).json()
    return {
        tuple(sorted((name, value) for name, value in series["metric"].items() if name != "__name__")): series["value"][
            1
        ]
        for series in answer["data"]["result"]
    }


@pytest.mark.parametrize(
    "series",
    [
        'http_server_request_duration_seconds_count{http_request_method="POST",http_route="/orders",http_response_status_code="500"}',
        'http_server_request_duration_seconds_bucket{http_route="/products/{sku}",http_response_status_code="503",le="0.25"}',
        'http_server_active_requests{http_request_method="GET"}',
        'db_client_connection_count{db_client_connection_pool_name="postgres",db_client_connection_state="idle"}',
        'db_client_connection_count{db_client_connection_pool_name="postgres",db_client_connection_state="used"}',
        'db_client_connection_max{db_client_connection_pool_name="postgres"}',
        'db_client_connection_pending_requests{db_client_connection_pool_name="postgres"}',
        'db_client_connection_wait_time_seconds_count{db_client_connection_pool_name="postgres"}',
        'db_client_connection_timeouts_total{db_client_connection_pool_name="postgres"}',
        'app_cache_requests_total{result="hit"}',
        'app_cache_requests_total{result="miss"}',
        'app_cache_requests_total{result="error"}',
        'db_client_operation_duration_seconds_bucket{db_system_name="postgresql",error_type="",le="0.25"}',
        'db_client_operation_duration_seconds_count{db_system_name="redis",error_type="TimeoutError"}',
        'http_client_request_duration_seconds_count{server_address="inventory",http_response_status_code="503"}',
        'http_client_request_duration_seconds_count{server_address="inventory",error_type="TimeoutError"}',
        'app_session_operations_total{operation="find",result="unknown"}',
        'app_session_operations_total{operation="cart_put",result="error"}',
        'app_circuit_breaker_open{dependency="redis"}',
        'app_traces_total{decision="failed"}',
        'app_traces_total{decision="over_cap"}',
        "app_log_lines_lost_total",
        'otel_sdk_processor_span_processed_total{error_type="queue_full"}',
        "otel_sdk_processor_span_queue_size",
        "otel_sdk_processor_span_queue_capacity",
        'otel_sdk_exporter_span_exported_total{error_type=""}',
        'otel_sdk_exporter_span_exported_total{error_type="ConnectionError"}',
        'app_build_info{service="shop"}',
        "app_ready",
        'app_orders_total{outcome="confirmed"}',
        'app_orders_total{outcome="refused_early"}',
        'app_orders_swept_total{result="released"}',
        "app_orders_abandoned",
        "app_orders_overdue",
    ],
)
def test_every_shop_instance_has_the_series_before_anything_happens(stack, series):
    matched = eventually(lambda: len(found) >= 3 and found if (found := query(stack, series)) else None)
    assert matched, query(stack, series.partition("{")[0])


def test_a_duration_leads_to_its_trace(stack, shop, key):
    place(shop, key)

    def exemplars():
        parameters = {
            "query": 'http_server_request_duration_seconds_bucket{http_route="/orders"}',
            "start": str(time.time() - 300),
            "end": str(time.time() + 1),
        }
        answer = httpx.get(f"{stack.url('prometheus')}/api/v1/query_exemplars", params=parameters).json()
        return [exemplar["labels"] for series in answer["data"] for exemplar in series["exemplars"]]

    labels = eventually(exemplars)
    assert labels
    assert all(len(label["trace_id"]) == 32 for label in labels)


def test_every_instance_is_ready(stack):
    for name in ("shop-1", "shop-2", "shop-3"):
        until(lambda name=name: httpx.get(f"{stack.instance_url(name)}/readyz").status_code == 200)
        assert httpx.get(f"{stack.instance_url(name)}/healthz").status_code == 200
