"""Replicas of one server: what they do not agree on is said, and refutes nothing."""

import httpx
import pytest

from chaos.facts.replicas import ReplicasSeen
from chaos.judge.judge import judge
from chaos.observe import replicas
from chaos.report import html, terminal
from tests.unit.recordings import facts, recording

BOTH = ["http://a", "http://ci:s3cret@b"]
RULE = {"name": "Down", "type": "alerting", "query": "up == 0", "duration": 60, "health": "ok", "labels": {"s": "1"}}


def rules(*more, **changed):
    return {"data": {"groups": [{"name": "g", "interval": 15, "rules": [RULE | changed, *more]}]}}


def status(peers=2, config="route: {receiver: a}"):
    return {
        "config": {"original": config},
        "versionInfo": {"version": "0.25.0"},
        "cluster": {"status": "ready", "peers": [{}] * peers},
    }


def answering(**by_host):
    def answer(request):
        told = by_host[request.url.host]
        if told is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json=told)

    return httpx.MockTransport(answer)


def test_one_server_is_not_compared_with_anything():
    assert replicas.of_prometheus("http://a") is None
    assert replicas.of_alertmanager(["http://a", "http://a"]) is None
    assert replicas.of_alertmanager("") is None


def test_those_that_agree_have_nothing_said():
    told = replicas.of_prometheus(BOTH, answering(a=rules(), b=rules()))
    assert told == ReplicasSeen(0.0, "Prometheus", ["http://a", "http://b"], [])
    assert replicas.of_alertmanager(BOTH, answering(a=status(), b=status())).said == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (rules(duration=30), ["http://a runs Down{s=1} as it is there, and http://b does not"] * 1),
        (rules({**RULE, "name": "More"}), ["http://b runs More{s=1} as it is there, and http://a does not"]),
        (None, ["http://b does not answer: Prometheus: /api/v1/rules: ConnectError: refused"]),
    ],
)
def test_prometheis_that_do_not_run_the_same(other, said):
    told = replicas.of_prometheus(BOTH, answering(a=rules(), b=other)).said
    assert told[: len(said)] == said
    assert "s3cret" not in str(told)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (status(config="route: {receiver: b}"), "http://b is configured otherwise than http://a"),
        (status(1), "http://b is in a cluster with no others, and the target names 2 of one"),
        (None, "http://b does not answer: Alertmanager: /api/v2/status: ConnectError: refused"),
    ],
)
def test_alertmanagers_that_are_not_one(other, said):
    assert replicas.of_alertmanager(BOTH, answering(a=status(), b=other)).said == [said]


def test_a_disagreement_is_in_the_report_and_refutes_nothing():
    seen = ReplicasSeen(0.0, "Prometheus", ["http://a", "http://b"], ["http://a runs Down, and http://b does not"])
    whole = recording(facts=(*facts(), seen))
    verdict = judge(whole)
    assert verdict.exit_code == 0
    said = "Prometheus: http://a runs Down, and http://b does not"
    assert f"replicas do not agree: {said}" in terminal.render(verdict, "x")
    assert f"Replicas do not agree: {said}" in html.render(verdict, whole, "x")
