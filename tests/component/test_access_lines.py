"""HAProxy has a line for each request that its cache did not answer; a service has one for what is looked into."""

import json
import os
import socket
import time
from uuid import uuid4

import httpx
import pytest

from tests.component.shop_calls import patient
from tests.instances import own_instance
from tests.otlp_sink import otlp_sink
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.stack


def access_lines(stack):
    """What HAProxy has logged of requests; the last line may be half written."""
    written = (stack.settings.state / "logs" / "haproxy.log").read_text().rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in written if '"event":"access"' in line]


def test_a_request_has_a_line_with_its_id_whoever_answered_it(stack):
    with patient(stack.url("shop")) as shop:
        found = shop.get("/products?limit=3").status_code
        order = shop.post(
            "/orders", json={"sku": "sku-0995", "quantity": 1}, headers={"idempotency-key": f"access-{uuid4()}"}
        )
        # HAProxy's own answer.
        denied = shop.get("/backoffice/orders").status_code
    assert (found, denied) == (200, 404)

    def line(path, status):
        return [each for each in access_lines(stack) if (each["path"], each["status"]) == (path, status)]

    [placed, *_] = until(lambda: line("/orders", order.status_code))
    assert placed["method"] == "POST"
    assert placed["server"].startswith("shop-")
    assert placed["request_id"].count("_") >= 2
    assert abs(placed["at"] - time.time()) < 60
    assert until(lambda: line("/backoffice/orders", 404))


@pytest.mark.parametrize("path", ['/no"quote', "/no%22quote", "/no\\back", "/%C3%A9", "/" + "x" * 3000, "/%00", "/\t"])
def test_a_line_can_be_read_whatever_was_asked_for(stack, path):
    # Also what cannot be parsed as a request has a line.
    before = len(access_lines(stack))
    address = httpx.URL(stack.url("shop"))
    ask_plainly(address.host, address.port, path)
    assert until(lambda: len(access_lines(stack)) > before)


def ask_plainly(host, port, path):
    """As no library would."""
    with socket.create_connection((host, port), timeout=10) as asking:
        asking.sendall(f"GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n".encode())
        while asking.recv(65536):
            pass


def test_what_the_cache_answers_has_no_line(stack):
    sku = "/products/sku-0993"
    with patient(stack.url("shop")) as shop:

        def from_cache():
            return shop.get(sku).headers.get("x-served-by") == "cache"

        until(from_cache)
        hits = sum(from_cache() for _ in range(50))
        marker = f"/nowhere-{uuid4()}"
        shop.get(marker)
    until(lambda: any(line["path"] == marker for line in access_lines(stack)))
    lines = [line for line in access_lines(stack) if line["path"] == sku]
    assert hits > 0
    assert all(line["server"].startswith("shop-") for line in lines)


def test_a_service_logs_what_failed_and_what_is_kept_and_nothing_else(stack):
    away = f"http://127.0.0.1:{free_port()}"
    environment = {"SHOP_TRACE_SAMPLE_RATIO": "0", "SHOP_TRACE_SLOW_AFTER": "1m", "SHOP_INVENTORY_URL": away}
    with otlp_sink() as sink, own_instance(stack, SHOP_OTLP_ENDPOINT=sink.url, **environment) as shop:
        with httpx.Client(base_url=shop.url, timeout=10) as client:
            for number in range(1, 21):
                assert client.get(f"/products/sku-{number:04d}").status_code == 200
            headers = {"idempotency-key": f"access-{uuid4()}"}
            failed = client.post("/orders", json={"sku": "sku-0995", "quantity": 1}, headers=headers)
            assert failed.status_code == 503
        said = until(lambda: request_lines(shop))
    assert [(line["route"], line["status"], line["trace_id"]) for line in said] == [
        ("/orders", 503, failed.json()["trace_id"])
    ]


def request_lines(shop):
    written = shop.log.rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in written if '"event": "request"' in line]


@pytest.mark.parametrize("spans", ["own", "instrumentation"])
def test_a_reader_of_the_log_that_hangs_holds_nobody_up(stack, spans):
    reading, writing = os.pipe()
    # Each request has its line, and nobody reads one.
    environment = {"SHOP_TRACE_SAMPLE_RATIO": "1", "SHOP_HTTP_SPANS": spans}
    try:
        with (
            own_instance(stack, stderr=writing, **environment) as shop,
            httpx.Client(base_url=shop.url, timeout=10) as client,
        ):
            lost = 0.0
            for _ in range(100):
                for _ in range(100):
                    assert client.get("/products/sku-0001").status_code == 200
                if lost := shop.metrics()["app_log_lines_lost_total"]:
                    break
            assert lost > 0
    finally:
        os.close(reading)
        os.close(writing)
