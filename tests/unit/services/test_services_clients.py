"""What is measured of the servers behind us and of sessions, and that every series is there from the start."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from services.kit.problems import DependencyUnavailable, Unauthorized
from services.kit.telemetry.client_metrics import ClientMetrics
from services.shop.cart import cart_full
from services.shop.instance_sessions import InstanceCarts, InstanceSessions
from services.shop.session_operations import SessionOperations, WatchedCarts, WatchedSessions


@pytest.fixture
def registry():
    return CollectorRegistry()


def uses(registry, system, error_type):
    labels = {"db_system_name": system, "error_type": error_type}
    return registry.get_sample_value("db_client_operation_duration_seconds_count", labels)


def test_uses_of_a_database_are_measured_by_what_went_wrong(registry):
    series = ClientMetrics(registry).database("postgresql", ("OperationalError",))
    assert [uses(registry, "postgresql", error_type) for error_type in ("", "OperationalError")] == [0, 0]
    series.took(0.2)
    series.took(0.3, KeyError())
    assert [uses(registry, "postgresql", error_type) for error_type in ("", "KeyError")] == [1, 1]
    assert uses(registry, "redis", "") is None


@pytest.mark.parametrize("bound", ["0.001", "0.25", "0.5", "10.0"])
def test_the_bounds_that_rules_ask_for_are_there(registry, bound):
    ClientMetrics(registry).database("redis", ())
    labels = {"db_system_name": "redis", "error_type": "", "le": bound}
    assert registry.get_sample_value("db_client_operation_duration_seconds_bucket", labels) == 0


def calls(registry, method, status, error_type):
    labels = {
        "server_address": "inventory",
        "http_request_method": method,
        "http_response_status_code": status,
        "error_type": error_type,
    }
    return registry.get_sample_value("http_client_request_duration_seconds_count", labels)


def test_calls_to_a_service_are_measured_by_answer_or_its_absence(registry):
    series = ClientMetrics(registry).service("inventory", (("POST", 201), ("POST", 409)))
    expected = [("201", ""), ("409", "409"), ("503", "503"), ("", "TimeoutError"), ("", "ConnectError")]
    assert [calls(registry, "POST", *each) for each in expected] == [0] * 5
    series.answered("POST", 201, 0.1)
    series.failed("POST", TimeoutError(), 1.5)
    assert (calls(registry, "POST", "201", ""), calls(registry, "POST", "", "TimeoutError")) == (1, 1)


class Away:
    """Sessions nobody can ask for."""

    async def find(self, _token):
        raise DependencyUnavailable("redis")


def operations(registry, operation):
    return {
        result: registry.get_sample_value("app_session_operations_total", {"operation": operation, "result": result})
        for result in ("ok", "unknown", "error")
    }


def test_uses_of_sessions_are_counted_by_what_became_of_them(registry):
    counters, own = SessionOperations(registry), InstanceSessions(timedelta(minutes=1), sliding=True)
    sessions, carts = WatchedSessions(own, counters), WatchedCarts(InstanceCarts(own), counters)
    names = ("open", "find", "close", "cart_put", "cart_remove", "cart_read")
    assert all(operations(registry, name) == {"ok": 0, "unknown": 0, "error": 0} for name in names)

    async def story():
        token, _ = await sessions.open()
        await sessions.find(token)
        with pytest.raises(Unauthorized):
            await sessions.find("nobody's")
        with pytest.raises(DependencyUnavailable):
            await WatchedSessions(Away(), counters).find(token)
        for number in range(50):
            await carts.put(token, f"sku-{number}", 1)
        with pytest.raises(type(cart_full())):
            await carts.put(token, "one-too-many", 1)
        with pytest.raises(Unauthorized):
            await carts.read("nobody's")

    asyncio.run(story())
    assert operations(registry, "open") == {"ok": 1, "unknown": 0, "error": 0}
    assert operations(registry, "find") == {"ok": 1, "unknown": 1, "error": 1}
    # A full cart is an answer.
    assert operations(registry, "cart_put") == {"ok": 51, "unknown": 0, "error": 0}
    assert operations(registry, "cart_read") == {"ok": 0, "unknown": 1, "error": 0}
