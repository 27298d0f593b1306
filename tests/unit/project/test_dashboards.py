"""The committed dashboards: made by the generator, complete for whoever reads them, and honest about absence."""

import itertools
import json
import re

import promql_parser
import pytest
import yaml

from chaos.spec import panel as panels
from chaos.spec import substitute
from chaos.spec.values import Duration
from compose.settings import ROOT
from dashboards.generator.__main__ import BOARDS
from dashboards.generator.board import KILL_SHOP
from dashboards.generator.render import to_json

FOLDER = ROOT / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
BOARDS_READ = {file.stem: json.loads(file.read_text()) for file in FILES}
SCRAPE = Duration.parse("15s")
UNITS = {"none", "reqps", "ops", "s", "bytes", "percentunit"}


def all_panels():
    return [
        pytest.param(uid, panel, id=f"{uid}-{panel['title']}")
        for uid, board in BOARDS_READ.items()
        for panel in board["panels"]
        if panel["type"] != "row"
    ]


def queries():
    return [
        pytest.param(uid, target["expr"], id=f"{uid}-{panel['title']}-{target['refId']}")
        for uid, panel in (param.values for param in all_panels())
        for target in panel["targets"]
    ]


def test_the_committed_files_are_what_the_generator_makes():
    made = {f"{board.uid}.json": to_json(board) for board in BOARDS}
    assert {file.name: file.read_text() for file in FILES} == made, "run `make dashboards` and commit what it made"


def test_there_are_the_seven():
    assert list(BOARDS_READ) == ["alerts", "haproxy", "instances", "overview", "postgres", "redis", "telemetry"]


@pytest.mark.parametrize("uid", BOARDS_READ)
def test_a_dashboard_can_be_provisioned(uid):
    board = BOARDS_READ[uid]
    assert board["uid"] == uid
    assert board["schemaVersion"] <= 42
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    titles = [panel["title"] for panel in board["panels"] if panel["type"] != "row"]
    assert len(titles) == len(set(titles)), "a run names panels by their title"
    places = [panel["gridPos"] for panel in board["panels"]]
    assert not [pair for pair in itertools.combinations(places, 2) if overlap(*pair)]


def overlap(one, other):
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    return across and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]


@pytest.mark.parametrize("uid", BOARDS_READ)
def test_a_dashboard_has_the_usual_variables_and_uses_every_one(uid):
    board = BOARDS_READ[uid]
    names = [variable["name"] for variable in board["templating"]["list"]]
    assert names[:3] == ["datasource", "job", "instance"]
    text = json.dumps([board["panels"], board["templating"]["list"]])
    for name in names:
        unused = name == "jaeger" and not any("search?service" in json.dumps(panel) for panel in board["panels"])
        assert unused or re.search(rf"\$\{{?{name}\b", text), f"${name} is offered and does nothing"


@pytest.mark.parametrize("uid", BOARDS_READ)
def test_faults_and_alerts_are_drawn_in(uid):
    expressions = [one["expr"] for one in BOARDS_READ[uid]["annotations"]["list"]]
    assert expressions == ["chaos_fault_active", 'ALERTS{alertstate="firing",severity!="none"}']


@pytest.mark.parametrize(("uid", "panel"), all_panels())
def test_a_panel_says_what_it_shows(uid, panel):
    assert panel["title"]
    assert len(panel["description"]) > 5
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["targets"]
    assert len(panel["targets"]) == len({target["refId"] for target in panel["targets"]})


@pytest.mark.parametrize(("uid", "expression"), queries())
def test_a_query_parses_and_hides_no_absence(uid, expression):
    variables = {"job": ".+", "instance": ".+", "proxy": ".+", "server": ".+", "client": ".+", "frontend": "shop"}
    text = substitute.substitute(expression, variables | substitute.times(SCRAPE, panels.SHOWN))
    promql_parser.parse(text)
    words = re.sub(r'"[^"]*"', "", expression)
    assert not re.search(r"\b(or|absent|vector)\b", words), "an absent series must be seen as absent"
    for window in re.findall(r"\[([^\]]+)\]", expression):
        assert window in ("$__rate_interval", "$__range")


def test_durations_of_requests_show_example_traces():
    histograms = [
        (param.id, target.get("exemplar"))
        for param in all_panels()
        for target in param.values[1]["targets"]
        if re.search(r"(request|operation)_duration_seconds_bucket.*le,|le, .*duration_seconds_bucket", target["expr"])
        and "quantile" in target["expr"]
    ]
    assert len(histograms) >= 5
    assert not [name for name, exemplar in histograms if not exemplar]


def test_every_runbook_that_is_linked_exists():
    linked = {
        re.fullmatch(r"https://docs\.example\.com/alerts/runbooks/(\w+)\.md", link["url"])[1]
        for param in all_panels()
        for link in param.values[1].get("links", [])
    }
    rules = [yaml.safe_load(file.read_text()) for file in (ROOT / "alerts").glob("*.rules.yml")]
    known = {rule.get("alert") for file in rules for group in file["groups"] for rule in group["rules"]}
    assert linked <= known, f"no such alert: {sorted(linked - known)}"


def test_every_alert_leads_to_a_dashboard_and_to_variables_that_it_has():
    rules = [yaml.safe_load(file.read_text()) for file in (ROOT / "alerts").glob("*.rules.yml")]
    alerts = [rule for file in rules for group in file["groups"] for rule in group["rules"] if "alert" in rule]
    for alert in alerts:
        url = alert["annotations"]["dashboard_url"]
        uid, _, chosen = url.removeprefix("https://grafana.example.com/d/").partition("?")
        assert uid in BOARDS_READ, f"{alert['alert']}: {url}"
        names = {f"var-{variable['name']}" for variable in BOARDS_READ[uid]["templating"]["list"]}
        asked = {part.partition("=")[0] for part in chosen.split("&") if part}
        assert asked <= names, f"{alert['alert']}: {url}"


def test_traces_are_searched_for_in_the_time_that_is_shown():
    links = [
        link["url"] for param in all_panels() for link in param.values[1]["fieldConfig"]["defaults"].get("links", [])
    ]
    assert len(links) > 20
    for url in links:
        assert re.match(r"\$\{jaeger:raw\}/search\?service=[^&]+&start=\$\{__from\}000&end=\$\{__to\}000", url)


def test_the_faults_that_move_a_panel_are_read_from_what_its_reader_sees():
    read = {(one.dashboard, one.title): one.moves_with for one in panels.read(FOLDER, substitute.times(SCRAPE, SCRAPE))}
    written = {(board.uid, one.title): one.moves_with for board in BOARDS for row in board.rows for one in row.panels}
    assert read == written
    assert sum(KILL_SHOP in tags for tags in read.values()) >= 5
