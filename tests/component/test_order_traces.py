"""The trace of an order reads as a story, through both services, and nothing of it is missing."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import httpx
import pytest

from tests.component.shop_calls import patient
from tests.instances import own_instance
from tests.waiting import until

pytestmark = pytest.mark.stack

ORDERS = 200
SKU = "sku-0996"
# Service and span: all of them are in the trace of an order that a user with a session has placed.
STORY = {
    ("shop", "POST /orders"),
    ("shop", "session.find"),
    ("shop", "EVAL session"),
    ("shop", "postgres.pool.wait"),
    ("shop", "INSERT shop.orders"),
    ("shop", "POST"),
    ("inventory", "POST /reservations"),
    ("inventory", "postgres.pool.wait"),
    ("inventory", "postgres.transaction"),
    ("inventory", "INSERT inventory.reservations"),
    ("inventory", "UPDATE inventory.stock"),
    ("shop", "UPDATE shop.orders"),
}


def trace_of(stack, trace_id):
    """The spans of a trace, each as (service, name), id, parent's id and attributes."""
    answer = httpx.get(f"{stack.url('jaeger')}/api/traces/{trace_id}").json()
    spans = []
    for trace in answer.get("data") or ():
        for span in trace["spans"]:
            service = trace["processes"][span["processID"]]["serviceName"]
            parents = [reference["spanID"] for reference in span["references"] if reference["refType"] == "CHILD_OF"]
            tags = {tag["key"]: tag["value"] for tag in span["tags"]}
            spans.append(((service, span["operationName"]), span["spanID"], parents, tags))
    return spans


def told(stack, trace_id, caller):
    """The trace once it is all there; each service exports its spans of a request together, but not both at once."""
    seen = []

    def look():
        spans = trace_of(stack, trace_id)
        seen[:] = [sorted({name for name, *_ in spans}), *_ends(spans)]
        return spans if set(seen[0]) >= STORY and _ends(spans) == _wanted(caller) else None

    try:
        return until(look)
    except AssertionError as error:
        raise AssertionError(f"{trace_id}: names, roots and outside of it: {seen}") from error


def _wanted(caller):
    return [("shop", "POST /orders")], {caller} if caller else set()


def _ends(spans):
    """The spans without a parent in the trace, and the parents that are not in it."""
    ids = {span_id for _, span_id, _, _ in spans}
    roots = [name for name, _, parents, _ in spans if not ids.intersection(parents)]
    return roots, {parent for _, _, parents, _ in spans for parent in parents} - ids


@pytest.fixture(params=["own", "instrumentation"])
def instance_url(request, stack):
    """A shop, by who makes the spans of its requests."""
    if request.param == "own":
        yield stack.instance_url("shop-1")
        return
    with own_instance(stack, SHOP_HTTP_SPANS=request.param) as shop:
        yield shop.url


def test_every_span_of_each_of_many_orders_is_there_with_its_parent(stack, instance_url):
    # Straight to an instance: HAProxy lets no stranger say which trace a request is part of.
    with httpx.Client(base_url=instance_url, timeout=10) as shop, ThreadPoolExecutor(2) as threads:
        shop.post("/sessions").raise_for_status()

        def attempt():
            trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
            headers = {"idempotency-key": f"trace-{uuid4()}", "traceparent": f"00-{trace_id}-{caller}-01"}
            response = shop.post("/orders", json={"sku": SKU, "quantity": 1}, headers=headers)
            return (trace_id, caller) if response.status_code == 201 else None

        def place(_):
            # A busy machine may time one out; what is looked at here are orders that were placed.
            return until(attempt)

        placed = list(threads.map(place, range(ORDERS)))
    assert len(placed) == ORDERS
    for trace_id, caller in placed:
        told(stack, trace_id, caller)


def logged(stack, role, route):
    """The lines that a role's instances have logged of requests by this route, by their trace."""
    logs = [stack.settings.state / "logs" / f"{program.name}.log" for program in stack.topology.of_role(role)]
    # The last line may be half written.
    written = [text for log in logs for text in log.read_text().rpartition("\n")[0].splitlines()]
    texts = [text for text in written if '"event": "request"' in text]
    return {line["trace_id"]: line for line in map(json.loads, texts) if line["route"] == route}


def test_without_a_caller_the_shop_makes_the_root_and_one_id_leads_through_spans_and_logs(stack):
    with patient(stack.url("shop")) as client:
        client.post("/sessions").raise_for_status()
        cookies = client.cookies

    def placed():
        """The trace of an order that was placed, and not at the same time as another."""
        known = logged(stack, "shop", "/orders").keys()
        headers = {"idempotency-key": f"trace-{uuid4()}"}
        with httpx.Client(base_url=stack.url("shop"), timeout=10, cookies=cookies) as shop:
            response = shop.post("/orders", json={"sku": SKU, "quantity": 1}, headers=headers)
        new = until(lambda: logged(stack, "shop", "/orders").keys() - known)
        return new.pop() if response.status_code == 201 and len(new) == 1 else None

    trace_id = until(placed)
    spans = told(stack, trace_id, None)
    servers = {name: (span_id, tags) for name, span_id, _, tags in spans if tags.get("span.kind") == "server"}
    assert servers.keys() == {("shop", "POST /orders"), ("inventory", "POST /reservations")}
    request_id = logged(stack, "shop", "/orders")[trace_id]["request_id"]
    assert request_id
    for (role, name), (span_id, tags) in servers.items():
        line = until(lambda role=role, name=name: logged(stack, role, name.split()[1]).get(trace_id))
        assert (line["request_id"], line["span_id"]) == (request_id, span_id)
        assert request_id in tags["http.request.header.x-request-id"]


def test_a_product_nobody_has_asked_for_is_looked_for_in_both_layers_and_then_at_the_source(stack):
    wanted = {"GET /products/{sku}", "cache.l1", "cache.read", "cache.l2", "GET entry", "SELECT shop.products"}
    seen = []

    def look():
        trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
        url = f"{stack.instance_url('shop-1')}/products/none-{secrets.token_hex(6)}"
        httpx.get(url, headers={"traceparent": f"00-{trace_id}-{caller}-01"})

        def story():
            spans = trace_of(stack, trace_id)
            return spans if wanted <= {name for (_, name), *_ in spans} else None

        # Redis has a tenth of a second; later than that the second layer has failed instead, or is not even asked.
        with suppress(AssertionError):
            results = {name: tags.get("cache.result") for (_, name), _, _, tags in until(story, 5)}
            seen.append((results["cache.l1"], results["cache.l2"]))
            return seen[-1] != ("miss", "error")

    until(look, 30)
    assert seen[-1] == ("miss", "miss"), seen
