"""What a PromQL check was answered that is no number is said in words: several series, or a question that is none."""

import httpx
import msgspec
import pytest

from chaos.errors import InvalidFile
from chaos.facts.metrics import QueryHistory
from chaos.judge.judge import judge
from chaos.observe.prometheus import Prometheus
from chaos.report.words import reasons
from chaos.spec import experiment, promql, values
from chaos.spec.experiment import Experiment, Vocabulary
from tests.unit.recordings import END, EXPERIMENT, facts, recording

QUERY = 'up{job="app"}'
CHECK = {"name": "up", "query": QUERY, "before": ">= 1"}


def judged(history):
    asked = EXPERIMENT | {"steady_state": [CHECK]}
    claimed = msgspec.convert(asked, Experiment, dec_hook=values.decode)
    return judge(recording(facts=(*facts(), history), experiment=claimed))


def answered(*series):
    metrics = [{"metric": {"__name__": "up", "instance": one}, "values": [[0, "1"]]} for one in series]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": {"result": metrics}}))
    return Prometheus("http://p", 0.0, transport).query_history(QUERY, 0.0, END, 1.0)


def test_several_series_are_named():
    """Case C24."""
    verdict = judged(answered("a", "b"))
    assert verdict.exit_code == 6
    said = " ".join(reasons(verdict))
    assert "2 series instead of one number, up{instance=a}, up{instance=b}; add them up, as with sum()" in said
    assert "up{instance=c}, …; add" in " ".join(reasons(judged(answered("a", "b", "c", "d"))))


def test_what_prometheus_says_of_a_question_is_passed_on():
    said = " ".join(reasons(judged(QueryHistory(END, QUERY, [], "Prometheus: parse error: unclosed left parenthesis"))))
    assert "there is no sample: Prometheus: parse error: unclosed left parenthesis" in said


def test_a_typo_is_found_before_anything_runs(tmp_path):
    written = EXPERIMENT | {"steady_state": [CHECK | {"query": "sum(rate(http_requests_total[1m])"}]}
    file = tmp_path / "typo.yaml"
    file.write_text(msgspec.yaml.encode(written).decode())
    with pytest.raises(InvalidFile, match=r"steady_state\[0\].query: is no PromQL: unclosed left parenthesis"):
        experiment.read(file, Vocabulary(frozenset({"Down"}), frozenset({"shop-2"})))


@pytest.mark.parametrize(
    ("query", "bare"),
    [("up == 1", True), ("(up > 1)", True), ("up == bool 1", False), ("up", False), ("a and b == 1", False)],
)
def test_a_bare_comparison_is_noted(query, bare):
    asked = EXPERIMENT | {"steady_state": [CHECK | {"query": query}]}
    assert promql.compares(query) is bare
    assert bool(experiment.notes(msgspec.convert(asked, Experiment, dec_hook=values.decode))) is bare
