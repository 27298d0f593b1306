"""A whole run where OpenTelemetry's instrumentation makes the requests' spans, which is not the default."""

import dataclasses
import time

import httpx
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ALL = {"SHOP_HTTP_SPANS": "instrumentation", "INVENTORY_HTTP_SPANS": "instrumentation"}


def test_an_experiment_holds_with_the_instrumentations_spans(stack, runs):
    # The stack is replaced by one with these settings, and by its own again.
    other = dataclasses.replace(stack, environment=stack.environment | ALL)
    try:
        brought_up, up_output = other.command("up")
        since = time.time()
        code, output = other.command("run", "kill-instance")
        scopes = spans_scopes(stack, since)
    finally:
        brought_back, back_output = stack.command("up")
    assert (brought_up, brought_back) == (0, 0), up_output + back_output
    assert (code, runs.latest()["outcome"]) == (0, "held"), output
    assert scopes == {"opentelemetry.instrumentation.fastapi"}


def spans_scopes(stack, since):
    """Who made the spans of requests that the shop was sent since then, as Jaeger knows it."""
    query = {"service": "shop", "limit": 20, "start": int(since * 1e6)}
    traces = httpx.get(f"{stack.url('jaeger')}/api/traces", params=query, timeout=20).json()["data"]
    tags = [span["tags"] for trace in traces for span in trace["spans"]]
    said = [{tag["key"]: tag["value"] for tag in each} for each in tags]
    return {each["otel.scope.name"] for each in said if each.get("span.kind") == "server"}
