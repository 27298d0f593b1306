"""The kit's rules that need no server: problems, metrics, readiness, spans and ids of requests."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from services.kit import problems
from services.kit.http.fields import Sku
from services.kit.http.request import RequestMiddleware
from services.kit.lifecycle import health
from services.kit.lifecycle.state import Lifecycle, State
from services.kit.problems import DependencyUnavailable
from services.kit.telemetry import instrumentation, request_id, server_span
from services.kit.telemetry.metrics import HttpMetrics
from services.kit.telemetry.recording import Keeping
from services.kit.telemetry.trace_metrics import TraceMetrics
from services.kit.telemetry.tracer import RecordingTracerProvider

SECOND = timedelta(seconds=1)
DURATIONS = "http_server_request_duration_seconds_count"


class Client:
    """Asks an application in this process."""

    def __init__(self, app):
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def get(self, path, headers=None):
        return self.request("GET", path, headers)

    def request(self, method, path, headers=None):
        async def ask():
            async with httpx.AsyncClient(transport=self._transport, base_url="http://test") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def lifecycle(registry):
    return Lifecycle(timedelta(0), registry)


@pytest.fixture
def kept():
    return []


@pytest.fixture
def provider(kept):
    def keep(span):
        kept.append(span.readable(Resource.get_empty()))

    return RecordingTracerProvider(Keeping(1.0, timedelta(hours=1)), keep, TraceMetrics(CollectorRegistry()))


@pytest.fixture(params=["own", "instrumentation"])
def client(request, registry, lifecycle, provider):
    return serving(registry, lifecycle, provider, request.param)


def serving(registry, lifecycle, provider, spans="own", **more):
    router = APIRouter()

    @router.get("/things/{sku}", responses=problems.responses(503))
    async def read(sku: Sku) -> str:
        match sku:
            case "away":
                raise DependencyUnavailable("postgres")
            case "broken":
                raise ZeroDivisionError
        return sku

    app = FastAPI()
    app.include_router(router)
    app.include_router(health.create_router(lifecycle))
    metrics = HttpMetrics(registry)
    metrics.expect(router)
    begin_span = server_span.own(provider)
    if spans == "instrumentation":
        instrumentation.instrument(app, provider, health.PATHS)
        begin_span = server_span.made_before
    about = {"lifecycle": lifecycle, "metrics": metrics, "begin_span": begin_span, "told_after": SECOND, **more}
    app.add_middleware(RequestMiddleware, allowed=SECOND, **about)
    problems.install(app)
    return Client(app)


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/things/away", 503, "dependency-unavailable"),
        ("/things/broken", 500, "internal-error"),
        ("/things/UPPER", 422, "invalid-request"),
        ("/nowhere", 404, "not-found"),
    ],
)
def test_every_refusal_is_a_problem(client, path, status, kind):
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == problems.TYPE_PREFIX + kind
    assert response.json()["status"] == status


@pytest.mark.parametrize("path", ["/things/a", "/things/away", "/things/broken", "/nowhere"])
def test_who_answered_is_said_only_where_it_is_wanted(registry, lifecycle, provider, path):
    assert serving(registry, lifecycle, provider, served_by="shop-2").get(path).headers["x-served-by"] == "shop-2"
    assert "x-served-by" not in serving(CollectorRegistry(), lifecycle, provider).get(path).headers


def test_what_may_succeed_soon_says_when_to_come_back(client):
    assert client.get("/things/away").headers["retry-after"] == "1"


def test_a_refused_request_points_at_what_is_wrong(client):
    (error,) = client.get("/things/UPPER").json()["errors"]
    assert error["pointer"] == "/path/sku"


def counted(registry, route, status):
    labels = {"http_request_method": "GET", "http_route": route, "http_response_status_code": status}
    return registry.get_sample_value(DURATIONS, labels)


def test_documented_statuses_start_at_zero(client, registry):
    statuses = ("200", "500", "503")
    assert [counted(registry, "/things/{sku}", status) for status in statuses] == [0, 0, 0]


def test_requests_are_counted_by_route_and_never_by_path(client, registry):
    client.get("/things/a")
    client.get("/things/b")
    client.get("/nowhere")
    client.get("/things/broken")
    assert counted(registry, "/things/{sku}", "200") == 2
    assert counted(registry, "/things/{sku}", "500") == 1
    assert counted(registry, "", "404") == 1
    assert registry.get_sample_value("http_server_active_requests", {"http_request_method": "GET"}) == 0


def test_methods_that_nobody_knows_are_one(client, registry):
    for method in ("FOO", "G!T", "A" * 20, "PROPFIND"):
        assert client.request(method, "/things/a").status_code == 405
    methods = {sample.labels.get("http_request_method") for family in registry.collect() for sample in family.samples}
    assert methods - {None, "GET"} == {"_OTHER"}


def test_health_is_not_counted(client, registry):
    assert client.get("/healthz").status_code == 200
    assert counted(registry, "/healthz", "200") is None


@pytest.mark.parametrize(("state", "status"), [(State.STARTING, 503), (State.SERVING, 200), (State.DRAINING, 503)])
def test_readiness_is_the_state_of_the_process(client, lifecycle, state, status):
    lifecycle.state = state
    assert client.get("/readyz").status_code == status
    assert client.get("/healthz").status_code == 200


def test_a_draining_instance_asks_for_the_connection_to_be_closed(client, lifecycle):
    lifecycle.state = State.DRAINING
    assert client.get("/things/a").headers["connection"] == "close"


def test_a_request_is_one_span_by_its_route_and_never_by_its_path(client, kept):
    client.get("/things/a?b=c", {"x-request-id": "7F000001:1"})
    client.get("/nowhere")
    client.get("/healthz")
    assert [span.name for span in kept] == ["GET /things/{sku}", "GET"]
    attributes = kept[0].attributes
    assert attributes["http.route"] == "/things/{sku}"
    assert attributes["url.path"] == "/things/a"
    assert attributes["url.query"] == "b=c"
    assert attributes["http.response.status_code"] == 200
    assert attributes["http.request.header.x-request-id"] == ("7F000001:1",)
    assert "http.request.header.x-request-id" not in kept[1].attributes


def test_a_mistake_of_ours_is_on_the_span_and_its_answer_names_the_trace(client, kept):
    response = client.get("/things/broken")
    [span] = kept
    assert not span.status.is_ok
    assert [event.attributes["exception.type"] for event in span.events] == ["ZeroDivisionError"]
    assert "test_services_kit.py" in span.events[0].attributes["exception.stacktrace"]
    assert response.json()["trace_id"] == trace.format_trace_id(span.context.trace_id)


@pytest.mark.parametrize(
    ("header", "known"),
    [(b"7F000001:A03E_7F000001:4650_1", "7F000001:A03E_7F000001:4650_1"), (b"a\nb", ""), (b"a" * 129, ""), (None, "")],
)
def test_an_id_goes_into_logs_and_on_to_other_services_if_it_is_fit_for_that(header, known):
    async def request():
        request_id.start(header)
        return request_id.current(), request_id.to_headers()

    assert asyncio.run(request()) == (known, {"x-request-id": known} if known else {})
