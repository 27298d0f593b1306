"""The seven dashboards in a real Grafana, of the official image, beside a stack in containers: `make test-grafana`.

It needs a Docker engine that can pull images, and is run by .github/workflows/test.yml.
"""

import json

import httpx
import pytest

from compose.settings import ROOT
from tests.conftest import TEST_PORT_BASE
from tests.containers.conftest import a_stack, an_engine  # noqa: F401 -- a fixture
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(900)]

BOARDS = {file.stem: json.loads(file.read_text()) for file in (ROOT / "dashboards").glob("*.json")}
LOADED_WITHIN_SECONDS = 60.0


@pytest.fixture(scope="module")
def grafana(an_engine):  # noqa: F811 -- the fixture of above
    """A client of the stack's Grafana, as whoever looks has it: nobody logs in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOSE_PROFILES", "grafana")
        with (
            a_stack("compose", int(TEST_PORT_BASE) + 1000) as stack,
            httpx.Client(base_url=stack.url("grafana"), timeout=10.0) as client,
        ):
            until(lambda: len(client.get("/api/search?type=dash-db").json()) == len(BOARDS), LOADED_WITHIN_SECONDS)
            yield client


@pytest.mark.parametrize("uid", BOARDS)
def test_grafana_shows_each_dashboard_as_it_is_in_its_file(grafana, uid):
    shown = grafana.get(f"/api/dashboards/uid/{uid}").raise_for_status().json()
    assert shown["meta"]["provisioned"]
    assert shown["dashboard"]["title"] == BOARDS[uid]["title"]
    assert [panel["title"] for panel in shown["dashboard"]["panels"]] == [
        panel["title"] for panel in BOARDS[uid]["panels"]
    ]


def test_its_data_source_answers(grafana):
    asked = {"refId": "A", "datasource": {"uid": "prometheus"}, "expr": "up", "instant": True}
    told = grafana.post("/api/ds/query", json={"queries": [asked], "from": "now-1m", "to": "now"})
    frames = told.raise_for_status().json()["results"]["A"]["frames"]
    assert len(frames) > 5
