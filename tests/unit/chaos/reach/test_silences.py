"""Silences are made and ended under one name; others' are none of ours."""

import json
from datetime import timedelta

import httpx
import pytest

from chaos.errors import SignalUnavailable
from chaos.reach.silences import Silences


class Alertmanager:
    """What of its API is used, in memory."""

    def __init__(self):
        self.silences = {}

    def __call__(self, request):
        if request.method == "POST":
            made = json.loads(request.content)
            name = f"s{len(self.silences)}"
            self.silences[name] = made | {"id": name, "status": {"state": "active"}}
            return httpx.Response(200, json={"silenceID": name})
        if request.method == "DELETE":
            self.silences[request.url.path.rpartition("/")[2]]["status"]["state"] = "expired"
            return httpx.Response(200)
        return httpx.Response(200, json=list(self.silences.values()))


def test_ours_are_ended_and_others_are_left():
    there = Alertmanager()
    transport = httpx.MockTransport(there)
    ours = Silences("http://a/", "game day", transport)
    others = Silences("http://a", "somebody", transport)
    first = ours.make("Down", timedelta(minutes=5))
    kept = others.make("Down", timedelta(minutes=5))
    assert there.silences[first]["matchers"] == [
        {"name": "alertname", "value": "Down", "isRegex": False, "isEqual": True}
    ]
    assert ours.end_all() == 1
    assert (there.silences[first]["status"]["state"], there.silences[kept]["status"]["state"]) == ("expired", "active")
    assert ours.end_all() == 0


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, text="<html>")])
def test_an_alertmanager_that_does_not_answer_is_said(answer):
    there = Silences("http://a", "game day", httpx.MockTransport(lambda _: answer))
    with pytest.raises(SignalUnavailable, match="Alertmanager: silences"):
        there.end_all()
