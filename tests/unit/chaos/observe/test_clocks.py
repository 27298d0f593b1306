"""Whatever a source's clock shows, what it tells is recorded in ours."""

import itertools
from datetime import UTC, datetime

import httpx
import pytest

from chaos.observe.alertmanager import Alertmanager
from chaos.observe.pager import Pager
from chaos.observe.prometheus import Prometheus

WALL, BOOTTIME = 1_000_000.0, 500.0
"""Ours at the run's start."""


def now():
    ticking = itertools.count(10, 0.5)
    return lambda: next(ticking)


def written(at):
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def prometheus(ahead):
    """One whose clock is so far ahead, asked when 10.25 s of the run are over."""

    def answer(request):
        if request.url.path.endswith("rules"):
            rule = {
                "name": "Down",
                "health": "ok",
                "lastEvaluation": written(WALL + 10 + ahead),
                "alerts": [{"labels": {"alertname": "Down"}, "state": "firing", "activeAt": written(WALL + 8 + ahead)}],
            }
            return httpx.Response(200, json={"data": {"groups": [{"interval": 1, "rules": [rule]}]}})
        if request.url.params["query"] == "time()":
            return httpx.Response(200, json={"data": {"result": [0, str(WALL + 10.25 + ahead)]}})
        assert float(request.url.params["time"]) == WALL + ahead + 12
        series = {"metric": {"alertname": "Down", "alertstate": "firing"}, "values": [[WALL + ahead + 9, "1"]]}
        return httpx.Response(200, json={"data": {"result": [series]}})

    return Prometheus("http://p", WALL, httpx.MockTransport(answer))


@pytest.mark.parametrize("ahead", [0.0, 3.0, -20.0, 86_400.0])
def test_prometheus_tells_the_same_whatever_its_clock_shows(ahead):
    asked = prometheus(ahead)
    seen = asked.compare_clock(now())
    assert (seen.source, seen.ahead_seconds, seen.uncertain_seconds) == ("Prometheus", pytest.approx(ahead), 0.25)
    look = asked.look(11.0)
    assert (look.alerts[0].active_since, look.standing) == (pytest.approx(8.0), [])
    assert asked.alert_histories(12.0)[0].samples == [pytest.approx(9.0)]
    # The second comparison is recorded, and moves nothing that was told before.
    assert asked.compare_clock(now()).ahead_seconds == pytest.approx(ahead)
    assert asked.look(11.0).alerts[0].active_since == pytest.approx(8.0)


def test_a_pager_on_another_machine_counts_from_a_boot_of_its_own():
    there = BOOTTIME + 123_456.0

    def answer(request):
        alert = {"labels": {"alertname": "Down"}, "status": "firing", "startsAt": written(WALL + 12)}
        delivery = {"boottime": there + 13.0, "receiver": "pager", "accepted": True, "reason": None, "alerts": [alert]}
        deliveries = [delivery] if request.url.params["after"] == "0" else []
        return httpx.Response(200, json={"deliveries": deliveries, "last_seq": 1, "boottime": there + 10.25})

    pager = Pager("http://g", WALL, BOOTTIME, httpx.MockTransport(answer))
    assert pager.compare_clock(now()).ahead_seconds == pytest.approx(123_456.0)
    page = next(iter(pager.look(14.0)))
    assert (page.at, page.alerts[0].fired_at) == (pytest.approx(13.0), pytest.approx(12.0))


def test_a_pager_that_tells_no_time_is_taken_to_be_here_and_that_is_recorded():
    def answer(_):
        return httpx.Response(200, json={"deliveries": [], "last_seq": 0})

    pager = Pager("http://g", WALL, BOOTTIME, httpx.MockTransport(answer))
    assert pager.compare_clock(now()).error == "pager: does not say what time it is"


def test_alertmanager_tells_whole_seconds():
    def answer(_):
        return httpx.Response(200, headers={"date": "Mon, 12 Jan 1970 13:46:50 GMT"})

    seen = Alertmanager("http://a", httpx.MockTransport(answer)).compare_clock(now(), WALL)
    assert (seen.ahead_seconds, seen.uncertain_seconds) == (pytest.approx(0.25), 0.75)
