"""A panel is asked as Grafana asks it, and shows data only if every one of its queries gives a number."""

import json
from datetime import timedelta

import httpx
import msgspec
import pytest

from chaos.errors import InvalidFile
from chaos.judge import panel_shown
from chaos.judge.panel_shown import PanelAnswer
from chaos.observe.panels import PanelSource
from chaos.report import panels_shown
from chaos.spec import panel, substitute
from chaos.spec.panel import Panel, Query
from chaos.spec.target import Dashboards
from chaos.spec.values import Duration
from tests.fakes import system

SECOND = timedelta(seconds=1)
TIMES = substitute.times(SECOND, timedelta(minutes=5))
ONE = Panel("board", "One", (Query("A", "a"), Query("B", "b")))


def target(expression, name="A", **more):
    return {"refId": name, "expr": expression, **more}


def board(*panels, variables=()):
    return {"uid": "b", "panels": list(panels), "templating": {"list": list(variables)}}


def written(folder, content):
    (folder / "b.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("scrape", "step", "expected"),
    [(1, 1, "4s"), (15, 15, "60s"), (15, 60, "75s"), (15, 1, "60s")],
    ids=["drill", "production", "a day is shown", "zoomed in"],
)
def test_a_rate_looks_back_as_in_grafana(scrape, step, expected):
    times = substitute.times(timedelta(seconds=scrape), timedelta(hours=1), timedelta(seconds=step))
    assert times["__rate_interval"] == expected


def test_every_spelling_of_a_variable_is_replaced():
    assert substitute.substitute('a{j=~"$job",k="${job}",l="${job:regex}"}[$__range]', TIMES | {"job": ".+"}) == (
        'a{j=~".+",k=".+",l=".+"}[300s]'
    )


def test_a_variable_without_a_value_is_named():
    with pytest.raises(ValueError, match=r"\$jib"):
        substitute.substitute("a{j=$jib}", TIMES)


def test_panels_are_read_from_open_and_collapsed_rows(tmp_path):
    variables = [
        {"name": "job", "type": "query", "includeAll": True, "allValue": ".+", "query": "label_values(up, job)"},
        {"name": "front", "type": "textbox", "current": {"value": "shop"}},
    ]
    one = {"type": "timeseries", "title": "One", "targets": [target('a{j=~"$job"}')], "description": "x"}
    two = {"type": "stat", "title": "Two", "targets": [target("b{p=$front}", instant=True)]}
    two["description"] = "What it shows.\n\nMoves with: process.kill shop, none."
    mappings = [{"type": "value", "options": {"0": {"text": "down"}}}]
    two["fieldConfig"] = {"defaults": {"unit": "s", "mappings": mappings}}
    folder = written(tmp_path, board({"type": "row", "panels": [two]}, {"type": "row"}, one, variables=variables))
    assert panel.read(folder, TIMES) == [
        Panel("b", "Two", (Query("A", "b{p=shop}", True),), ("process.kill shop", "none"), (), "What it shows.",
              "s", {"0": "down"}),
        Panel("b", "One", (Query("A", 'a{j=~".+"}'),), about="x"),
    ]  # fmt: skip
    assert panel.read_variables(folder, TIMES) == [
        Panel("b", "variable $job", (Query("A", "count by (job) (up)", True),))
    ]


@pytest.mark.parametrize(
    ("legend", "name"),
    [("{{instance}} of {{ job }}", "a of b"), ("all", "all"), ("{{no}}", ""), ("__auto", "instance=a, job=b"),
     ("", "instance=a, job=b")],
)  # fmt: skip
def test_a_line_is_called_as_in_grafana(tmp_path, legend, name):
    one = {"type": "timeseries", "title": "One", "targets": [target("a", legendFormat=legend)]}
    [read] = panel.read(written(tmp_path, board(one)), TIMES)
    assert read.queries[0].line({"__name__": "a", "job": "b", "instance": "a"}) == name


@pytest.mark.parametrize(
    "content",
    [
        board({"type": "stat", "title": "One", "targets": []}),
        board({"type": "stat", "title": "One"}),
        board({"type": "stat", "title": "One", "targets": [target("a{j=$unknown}")]}),
        {"uid": "b"},
        [],
    ],
    ids=["no query", "no targets", "unknown variable", "no panels", "no dashboard"],
)
def test_what_cannot_be_read_names_its_file(tmp_path, content):
    with pytest.raises(InvalidFile, match=r"b\.json"):
        panel.read(written(tmp_path, content), TIMES)


def test_a_folder_without_dashboards_proves_nothing(tmp_path):
    with pytest.raises(InvalidFile, match="no dashboard"):
        panel.read(tmp_path, TIMES)


def test_a_target_without_dashboards_has_no_panels_and_one_with_an_empty_folder_is_wrong(tmp_path):
    target = system(tmp_path).target
    assert panel.of_target(target) == []
    with pytest.raises(InvalidFile, match="no dashboard"):
        panel.of_target(msgspec.structs.replace(target, dashboards=Dashboards(str(tmp_path), Duration.parse("1s"))))


GOOD = PanelAnswer(None, (3, 0))


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (PanelAnswer(None), "no series"),
        (PanelAnswer(None, (0, 0)), "all NaN"),
        (PanelAnswer("Prometheus: parse error"), "parse error"),
        (None, "was not asked"),
    ],
)
def test_a_query_that_gives_nothing_is_named_whatever_the_others_give(second, why):
    answers = {"A": GOOD} | ({"B": second} if second else {})
    row = panel_shown.judge(ONE, answers)
    assert len(row.amiss) == 1
    assert "query B" in row.amiss[0]
    assert why in row.amiss[0]
    report = "\n".join(panels_shown.render([row]))
    assert "NOTHING SHOWN: board / One" in report
    assert "0 of 1 panels" in report


def test_a_panel_shows_data_when_every_query_gives_a_number():
    row = panel_shown.judge(ONE, {"A": GOOD, "B": PanelAnswer(None, (0, 1))})
    assert (row.amiss, row.series) == ((), 2)


def source(answer, status=200):
    return PanelSource("http://p", SECOND, httpx.MockTransport(lambda _: httpx.Response(status, json=answer)))


def matrix(*series):
    return {"data": {"result": [{"metric": {"i": name}, "values": values} for name, values in series]}}


def test_what_is_no_number_is_no_data():
    answer = matrix(("one", [[100, "NaN"], [101, "1"]]), ("two", [[100, "+Inf"]]))
    assert source(answer).answers([Panel("b", "p", (Query("A", "a"),))], 0, 1) == [{"A": PanelAnswer(None, (1, 0))}]


def test_the_servers_own_words_say_why_it_did_not_answer():
    (answers,) = source({"error": 'unknown function "rte"'}, 400).answers([ONE], 0, 1)
    assert "unknown function" in answers["A"].error


def test_a_history_has_one_value_a_step_and_gaps_where_there_was_none():
    answer = matrix(("one", [[1000.0, "5"], [1002.0, "NaN"], [1003.0, "7"]]))
    (history,) = source(answer).histories([Panel("b", "p", (Query("A", "a"),), ("none",))], 1000.0, 4.2)
    assert history.error is None
    assert history.moves_with == ["none"]
    assert history.series[0].values == [5.0, None, None, 7.0, None]


def test_a_history_that_was_not_told_says_so():
    (history,) = source({}, 503).histories([ONE], 1000.0, 4.2)
    assert "query A" in history.error
    assert "query B" in history.error
