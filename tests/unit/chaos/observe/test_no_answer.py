"""What is no answer of the server's kind has told nothing, whatever was asked; a traceback would look deviated."""

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import SignalUnavailable
from chaos.observe.alertmanager import Alertmanager
from chaos.observe.inventory import Asking
from chaos.observe.prometheus import Prometheus

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["data", "result", "groups", "config", "original", "status", "cluster", "yaml", "values"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)


def saying(answer):
    return httpx.MockTransport(lambda _: httpx.Response(200, json=answer))


@given(_JSON)
def test_whatever_a_server_says_nothing_but_unavailable_is_raised(answer):
    """Case C26: gateways, sign-in pages and relatives of Prometheus answer in forms of their own."""
    prometheus, alertmanager = Prometheus("http://p", 0.0, saying(answer)), Alertmanager("http://a", saying(answer))
    prometheus.look(1.0)
    prometheus.alerts_sent()
    prometheus.selector_history("up", 5.0)
    prometheus.compare_clock(lambda: 1.0)
    alertmanager.look(1.0)
    alertmanager.configured()
    alertmanager.peers()
    for ask in (
        prometheus.rules_loaded,
        prometheus.scrape_intervals,
        lambda: prometheus.unscraped_since(1.0),
        lambda: prometheus.unevaluated_since(1.0),
        lambda: prometheus.alert_histories(5.0),
        lambda: prometheus.query_history("up", 0.0, 5.0, 1.0),
        alertmanager.silences,
        Asking("http://p", "http://a", "", "http://t", saying(answer)).ask,
    ):
        with contextlib.suppress(SignalUnavailable):
            ask()


@pytest.mark.parametrize("answer", [[], {}, {"data": None}, {"data": {"result": None}}, {"data": {"result": [1]}}])
def test_a_history_in_another_form_is_said_to_be_none(answer):
    prometheus = Prometheus("http://p", 0.0, saying(answer))
    assert "not an answer" in prometheus.selector_history("up", 5.0).error
    with pytest.raises(SignalUnavailable, match="not an answer"):
        prometheus.query_history("up", 0.0, 5.0, 1.0)
    with pytest.raises(SignalUnavailable, match="not an answer"):
        prometheus.alert_histories(5.0)


def test_an_alertmanager_of_another_form_is_a_fact():
    alertmanager = Alertmanager("http://a", saying({"status": "error"}))
    assert "not an answer" in alertmanager.look(1.0).error
    assert "not an answer" in alertmanager.configured().error


RULES = {
    "data": {
        "groups": [
            {
                "name": "g",
                "interval": 15,
                "rules": [
                    {"name": f"R{number}", "type": "alerting", "query": f"metric_{number} > 1", "health": "ok"}
                    for number in range(300)
                ],
            }
        ]
    }
}


def test_a_prometheus_that_is_too_slow_for_series_does_not_hold_an_adoption_up():
    """Each question may take as long as its time-out: in 300 rules that would be an hour."""
    clock = iter(range(0, 10_000, 5))
    asked = []

    def answer(request):
        if request.url.path.endswith("/rules"):
            return httpx.Response(200, json=RULES)
        if request.url.path.endswith("/query"):
            asked.append(request)
            raise httpx.ReadTimeout("slow")
        return httpx.Response(404)

    inventory = Asking("http://p", transport=httpx.MockTransport(answer), clock=lambda: next(clock)).ask()
    assert len(asked) <= 4
    assert len(inventory.seen) == 300
    assert set(inventory.seen.values()) == {None}
    assert any("series of 300 selectors" in one for one in inventory.untold)


def test_what_one_set_of_alertmanagers_is_sent_is_relabelled_by_its_own_too():
    config = """
global: {external_labels: {cluster: eu1, replica: a}}
alerting:
  alert_relabel_configs: [{regex: replica, action: labeldrop}]
  alertmanagers: [{alert_relabel_configs: [{regex: cluster, action: labeldrop}]}]
"""
    sent = Prometheus("http://p", 0.0, saying({"data": {"yaml": config}})).alerts_sent()
    assert [one["regex"] for one in sent.relabel] == ["replica", "cluster"]
