"""At the default sampling no failed request loses its trace, and every trace that is kept is whole."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from services.shop.settings import ShopSettings
from tests.instances import own_instance
from tests.otlp_sink import otlp_sink
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.stack

REQUESTS = 400
SHARE = ShopSettings.model_fields["trace_sample_ratio"].default
# What an order that fails at inventory goes through.
STORY = {"POST /orders", "postgres.pool.wait", "INSERT shop.orders", "POST"}


@pytest.fixture(scope="module", params=["own", "instrumentation"])
def seen(request, stack):
    """Requests to a shop that cannot reach inventory, and what reached the collector of them."""
    environment = {
        "SHOP_HTTP_SPANS": request.param,
        # So many failures a second are an outage to it, otherwise.
        "SHOP_TRACE_MOST_PER_SECOND": str(REQUESTS),
        "SHOP_TRACE_SAMPLE_RATIO": str(SHARE),
        "SHOP_INVENTORY_URL": f"http://127.0.0.1:{free_port()}",
        # With it most orders would be refused before they begin, and say little.
        "SHOP_CIRCUIT_BREAKER": "off",
    }
    with otlp_sink() as sink, own_instance(stack, SHOP_OTLP_ENDPOINT=sink.url, **environment) as shop:
        failed, succeeded, counting = set(), 0, threading.Lock()

        def ask(number):
            nonlocal succeeded
            if number % 4:
                response = client.get(f"/products/sku-{number:04d}")
                assert response.status_code == 200
            else:
                headers = {"idempotency-key": f"traces-{uuid4()}"}
                response = client.post("/orders", json={"sku": "sku-0997", "quantity": 1}, headers=headers)
                assert response.status_code == 503
            with counting:
                if response.status_code == 503:
                    failed.add(response.json()["trace_id"])
                else:
                    succeeded += 1

        with httpx.Client(base_url=shop.url, timeout=10) as client, ThreadPoolExecutor(8) as threads:
            list(threads.map(ask, range(1, REQUESTS + 1)))
        until(lambda: all_arrived(shop.metrics(), sink))
        return failed, succeeded, of_requests(sink), shop.metrics()


def of_requests(sink):
    """Of a sweep that comes just now, or of a late refresh, there may be spans without a request."""
    return {trace: spans for trace, spans in sink.traces().items() if any(span.kind == 2 for span in spans)}


def all_arrived(metrics, sink):
    """Whether every trace that was kept is there; a batch that is on its way is in no queue any more."""
    counted = decided(metrics)
    waiting = metrics["otel_sdk_processor_span_queue_size"]
    exported = metrics['otel_sdk_exporter_span_exported_total{error_type=""}']
    ended = counted["kept"] + counted["left_out"] >= REQUESTS
    return ended and not waiting and exported == len(sink.spans) and len(of_requests(sink)) >= counted["kept"]


def decided(metrics):
    """How many requests' spans were kept, and why, or left out."""
    reasons = ("sampled", "failed", "slow", "over_cap", "left_out")
    found = {reason: metrics[f'app_traces_total{{decision="{reason}"}}'] for reason in reasons}
    return found | {"kept": sum(found.values()) - found["left_out"] - found["over_cap"]}


def test_every_failed_request_has_its_trace(seen):
    failed, _, traces, _ = seen
    kept = {
        trace
        for trace, spans in traces.items()
        if any(span.attributes.get("http.response.status_code") == 503 and span.kind == 2 for span in spans)
    }
    assert len(failed) == REQUESTS // 4
    assert kept == failed


def test_every_trace_of_a_failed_request_is_whole(seen):
    failed, _, traces, _ = seen
    for trace in failed:
        spans = traces[trace]
        ids = {span.span_id for span in spans}
        assert {span.name for span in spans} >= STORY, spans
        assert [span.name for span in spans if span.parent_id not in ids] == ["POST /orders"]


def test_most_of_those_that_succeeded_are_left_out(seen):
    failed, succeeded, traces, _ = seen
    # Slow ones are kept as well, on a busy machine perhaps some.
    assert len(traces) - len(failed) < succeeded / 2


def test_each_request_is_counted_by_what_became_of_its_spans(seen):
    failed, _, traces, metrics = seen
    counted = decided(metrics)
    assert counted["kept"] + counted["left_out"] == REQUESTS
    assert counted["kept"] == len(traces)
    assert 0 < counted["failed"] <= len(failed)


def test_the_error_is_told_where_it_began_and_nowhere_else(seen):
    failed, _, traces, _ = seen
    for trace in failed:
        tellers = [span for span in traces[trace] if any(event["name"] == "exception" for event in span.events)]
        # Once for each attempt, on the span of the call that was not answered.
        assert {span.name for span in tellers} == {"POST"}
        assert all(span.failed for span in tellers)
        [root] = [span for span in traces[trace] if span.kind == 2]
        assert (root.failed, root.attributes["error.type"]) == (True, "503")


def test_an_outage_keeps_no_more_than_can_be_sent_and_counts_the_rest(stack):
    environment = {
        "SHOP_TRACE_SAMPLE_RATIO": "0",
        "SHOP_TRACE_MOST_PER_SECOND": "2",
        "SHOP_INVENTORY_URL": f"http://127.0.0.1:{free_port()}",
    }

    def fail(number):
        headers = {"idempotency-key": f"outage-{number}-{uuid4()}"}
        return client.post("/orders", json={"sku": "sku-0997", "quantity": 1}, headers=headers).status_code

    with otlp_sink() as sink, own_instance(stack, SHOP_OTLP_ENDPOINT=sink.url, **environment) as shop:
        began = time.monotonic()
        with httpx.Client(base_url=shop.url, timeout=10) as client, ThreadPoolExecutor(8) as threads:
            assert set(threads.map(fail, range(REQUESTS))) == {503}
        counted = decided(shop.metrics())
        # What was saved for the first failures, and so many for each second since.
        assert 1 <= counted["kept"] <= 2 * 5 + 2 * (time.monotonic() - began) + 1
        assert counted["kept"] + counted["over_cap"] + counted["left_out"] == REQUESTS
        assert counted["over_cap"] > 0
        until(lambda: len(of_requests(sink)) == counted["kept"])
