"""What the observers make of the servers' answers, and of none."""

import httpx
import pytest

from chaos.errors import SignalUnavailable
from chaos.facts.alerts import AlertmanagerSeen
from chaos.facts.pages import MessageSeen, PagerSeen
from chaos.observe.alertmanager import Alertmanager, without_secrets
from chaos.observe.pager import Pager
from chaos.observe.prometheus import Prometheus

WALL = 1_000_000.0
RULES = {
    "groups": [
        {
            "interval": 5,
            "rules": [
                {
                    "name": "Down",
                    "health": "ok",
                    "duration": 60,
                    "lastEvaluation": "1970-01-12T13:46:46Z",
                    "alerts": [
                        {
                            "labels": {"alertname": "Down", "instance": "a"},
                            "state": "pending",
                            "activeAt": "1970-01-12T13:46:45.5Z",
                        }
                    ],
                },
                {
                    "name": "Broken",
                    "health": "err",
                    "duration": 0,
                    "lastEvaluation": "1970-01-12T13:46:20Z",
                    "alerts": [],
                },
            ],
        }
    ]
}


def answering(data):
    return httpx.MockTransport(lambda _: httpx.Response(200, json={"data": data}))


def silent(_):
    raise httpx.ConnectError("refused")


def test_prometheus_tells_alerts_in_run_time_and_only_healthy_rules():
    look = Prometheus("http://p", WALL, answering(RULES)).look(7.0)
    (alert,) = look.alerts
    assert (alert.name, alert.labels, alert.state, alert.active_since) == ("Down", {"instance": "a"}, "pending", 5.5)
    assert look.rules == ["Down"]
    assert look.standing == ["Broken"]
    assert look.error is None


def test_prometheus_says_what_it_has_not_scraped_or_evaluated_since():
    targets = [("a", "1970-01-12T13:46:45.5Z"), ("b", "1970-01-12T13:46:40Z"), ("c", "0001-01-01T00:00:00Z")]
    active = [{"labels": {"instance": name}, "lastScrape": last} for name, last in targets]
    rules = [{"name": "Down", "lastEvaluation": "1970-01-12T13:46:45.123456789Z"}]
    answer = {"activeTargets": active, "groups": [{"rules": rules}]}
    prometheus = Prometheus("http://p", WALL, answering(answer))
    assert prometheus.unscraped_since(WALL + 5.0) == ["b", "c"]
    assert prometheus.unevaluated_since(WALL + 5.0) == []
    assert prometheus.unevaluated_since(WALL + 5.2) == ["Down"]
    nothing = Prometheus("http://p", WALL, answering({"activeTargets": [], "groups": []}))
    assert (nothing.unscraped_since(WALL), nothing.unevaluated_since(WALL)) == (["any target"], ["any rule"])


@pytest.mark.parametrize("more", [[], [{"name": "up:sum", "health": "ok", "type": "recording", "query": "sum(up)"}]])
def test_vmalert_leaves_out_what_is_empty_and_gives_recording_rules_whatever_is_asked(more):
    """Case C26."""
    rule = {"name": "Down", "health": "ok", "duration": 60, "type": "alerting"}
    evaluated = rule | {"lastEvaluation": "1970-01-12T13:46:46Z"}
    look = Prometheus("http://p", WALL, answering({"groups": [{"name": "g", "rules": [evaluated, *more]}]})).look(1.0)
    assert (look.error, look.alerts, look.rules, look.standing) == (None, [], ["Down"], [])
    # When it was evaluated is nothing empty: where that is not told, its silence says nothing.
    untold = Prometheus("http://p", WALL, answering({"groups": [{"name": "g", "rules": [rule, *more]}]}))
    assert untold.look(1.0).standing == ["Down"]
    assert untold.unevaluated_since(WALL) == ["Down"]


@pytest.mark.parametrize("answer", [[], {"groups": [{"rules": [1]}]}, {"groups": None}, {"groups": [1]}, {}])
def test_what_is_no_answer_told_nothing_and_is_no_defect(answer):
    prometheus = Prometheus("http://p", WALL, answering(answer))
    assert "not an answer" in prometheus.look(1.0).error
    for ask in (prometheus.rules_loaded, lambda: prometheus.unevaluated_since(WALL), prometheus.scrape_intervals):
        with pytest.raises(SignalUnavailable, match="not an answer"):
            ask()


def test_who_scrapes_nothing_but_reads_what_others_have_scraped_is_not_waited_for():
    """Thanos Query, Mimir, vmalert: they have no API of targets."""
    prometheus = Prometheus("http://p", WALL, httpx.MockTransport(lambda _: httpx.Response(404, text="no such page")))
    assert (prometheus.unscraped_since(WALL), prometheus.scrape_intervals()) == ([], {})
    with pytest.raises(SignalUnavailable, match="404"):
        prometheus.rules_loaded()


def test_a_silent_prometheus_is_a_fact_and_not_an_empty_one():
    prometheus = Prometheus("http://p", WALL, httpx.MockTransport(silent))
    assert "ConnectError" in prometheus.look(1.0).error
    with pytest.raises(SignalUnavailable):
        prometheus.alert_histories(1.0)
    with pytest.raises(SignalUnavailable):
        prometheus.query_history("up", 0.0, 1.0, 1.0)


def test_alert_histories_leave_out_what_was_before_the_run():
    series = {
        "metric": {"__name__": "ALERTS", "alertname": "Down", "alertstate": "firing", "instance": "a"},
        "values": [[WALL - 1, "1"], [WALL + 2, "1"]],
    }
    earlier = {"metric": series["metric"] | {"instance": "b"}, "values": [[WALL - 1, "1"]]}
    (history,) = Prometheus("http://p", WALL, answering({"result": [series, earlier]})).alert_histories(9.0)
    assert (history.name, history.labels, history.state, history.samples) == (
        "Down",
        {"instance": "a"},
        "firing",
        [2.0],
    )


@pytest.mark.parametrize("series", [[], [{"values": [[WALL, "1"]]}, {"values": [[WALL, "2"]]}]])
def test_no_series_or_several_is_no_number(series):
    history = Prometheus("http://p", WALL, answering({"result": series})).query_history("up", 0.0, 2.0, 1.0)
    assert [value for _, value in history.samples] == [None, None, None]


def test_a_gap_in_a_series_stays_a_gap():
    series = [{"values": [[WALL, "1"], [WALL + 2, "3"]]}]
    history = Prometheus("http://p", WALL, answering({"result": series})).query_history("up", 0.0, 2.0, 1.0)
    assert history.samples == [(0.0, 1.0), (1.0, None), (2.0, 3.0)]


def test_pages_arrive_in_boot_time_and_each_only_once():
    delivery = {
        "seq": 4,
        "boottime": 53.0,
        "receiver": "pager",
        "accepted": False,
        "reason": "disk full",
        "alerts": [{"labels": {"alertname": "Down"}, "status": "firing", "startsAt": "1970-01-12T13:46:41.123456789Z"}],
    }

    def answer(request):
        new = [delivery] if int(request.url.params["after"]) < 4 else []
        return httpx.Response(200, json={"deliveries": new, "last_seq": 4})

    pager = Pager("http://g", WALL, 50.0, httpx.MockTransport(answer))
    page, seen = pager.look(3.0)
    assert (page.at, page.accepted, page.reason, page.alerts[0].name) == (3.0, False, "disk full", "Down")
    assert page.alerts[0].fired_at == pytest.approx(1.123, abs=0.001)
    assert seen == PagerSeen(3.0, None)
    assert list(pager.look(4.0)) == [PagerSeen(4.0, None)]


def test_a_silent_pager_is_a_fact():
    (seen,) = Pager("http://g", WALL, 50.0, httpx.MockTransport(silent)).look(1.0)
    assert "ConnectError" in seen.error


def test_alertmanager_names_who_inhibits_and_tells_only_what_changed():
    def alert(fingerprint, name, *inhibited_by):
        state = "suppressed" if inhibited_by else "active"
        status = {"state": state, "inhibitedBy": list(inhibited_by), "silencedBy": []}
        return {"fingerprint": fingerprint, "labels": {"alertname": name, "job": "shop"}, "status": status}

    answers = [alert("a", "Outage"), alert("b", "Symptom", "a", "gone")]
    alertmanager = Alertmanager("http://a", httpx.MockTransport(lambda _: httpx.Response(200, json=answers)))
    first = alertmanager.look(1.0)
    assert [(one.name, one.labels, one.inhibited_by) for one in first.alerts] == [
        ("Outage", {"job": "shop"}, []),
        ("Symptom", {"job": "shop"}, ["Outage", "gone"]),
    ]
    assert alertmanager.look(2.0) == AlertmanagerSeen(2.0, None)
    answers.pop()
    assert [one.name for one in alertmanager.look(3.0).alerts] == ["Outage"]


def test_of_a_webhooks_url_only_the_host_is_kept():
    """Alertmanager 0.25 masks no URL of a webhook."""
    matchers = 'route:\n  matchers:\n  - url=~"http://.*?x"\n'
    assert without_secrets(matchers) == matchers
    config = (
        'receivers:\n- webhook_configs:\n  - url: http://ci:s3cret@x/y?token=s3cret2\n  - url: "https://z/?a=s3cret3"\n'
    )
    told = {"config": {"original": config}, "versionInfo": {"version": "0.25.0"}}
    seen = Alertmanager("http://a", httpx.MockTransport(lambda _: httpx.Response(200, json=told))).configured()
    assert seen.config == 'receivers:\n- webhook_configs:\n  - url: http://x\n  - url: "https://z"\n'


def test_a_silent_alertmanager_is_a_fact_and_what_it_has_is_told_anew_afterwards():
    silences = iter([False, True, False])

    def answer(request):
        return silent(request) if next(silences) else httpx.Response(200, json=[])

    alertmanager = Alertmanager("http://a", httpx.MockTransport(answer))
    assert alertmanager.look(1.0) == AlertmanagerSeen(1.0, None, [])
    assert "ConnectError" in alertmanager.look(2.0).error
    assert alertmanager.look(3.0) == AlertmanagerSeen(3.0, None, [])


def test_a_message_for_people_is_no_page_and_is_told_as_what_it_is():
    said = {"status": "firing", "key": "k", "severity": "critical", "title": "[FIRING:1] Down", "text": "shop-2"}
    delivery = {"boottime": 53.0, "receiver": "on/call", "accepted": True, "reason": None, "alerts": []}
    told = [delivery | {"kind": "pagerduty", "message": said}, delivery | {"kind": "slack", "message": None}]

    def answer(_request):
        return httpx.Response(200, json={"deliveries": told, "last_seq": 2})

    known, unread, _ = Pager("http://g", WALL, 50.0, httpx.MockTransport(answer)).look(3.0)
    assert known == MessageSeen(
        3.0, "on/call", "pagerduty", True, "", "firing", "k", "critical", "[FIRING:1] Down", "shop-2"
    )
    assert (unread.kind, unread.status, unread.text) == ("slack", "", "")
