"""Law 8: how many pages there are, to whom they go, and what they say."""

from dataclasses import replace

import msgspec
import pytest

from chaos.facts.alerts import AlertmanagerConfigured
from chaos.facts.pages import PageSeen
from chaos.facts.run import RunStarted
from chaos.judge.judge import judge
from chaos.report.words import reasons
from chaos.spec import values
from chaos.spec.experiment import Experiment
from tests.unit.chaos.judge.lives import judged_facts, well
from tests.unit.recordings import EXPERIMENT, page

DOWN = [{"name": "Down", "fires_within": "10s", "resolves_within": "10s"}]
TREE = """
route:
  receiver: pager
  routes:
    - { matchers: ['alertname="Watchdog"'], receiver: deadman }
    - { matchers: ['alertname="Down"'], receiver: fallback, continue: true }
    - { matchers: ['alertname=~"Down|Slow"'], receiver: pager }
receivers:
  - { name: pager, webhook_configs: [{ url: x, send_resolved: %s }] }
  - { name: fallback, webhook_configs: [{ url: x }] }
  - { name: deadman, webhook_configs: [{ url: x }] }
"""
LABELS = well().labels


def recorded(*more, resolves="true", pages=None, observed=("pager", "fallback", "deadman")):
    """A run in which all is well but for what is added, whose routing sends Down to two receivers."""
    whole = judged_facts([well()], DOWN)
    started = msgspec.structs.replace(whole.facts[0], receivers=list(observed))
    assert isinstance(started, RunStarted)
    configured = AlertmanagerConfigured(0.0, TREE % resolves, "0.28.0")
    said = EXPERIMENT | {"alerts": DOWN} | ({"pages": pages} if pages else {})
    experiment = msgspec.convert(said, Experiment, dec_hook=values.decode)
    return replace(
        whole, facts=(started, configured, *whole.facts[1:-1], *more, whole.facts[-1]), experiment=experiment
    )


def told(at, status="firing", receiver="fallback", **changes):
    return page(at, status, receiver=receiver, labels=LABELS, fired_at=12.0, **changes)


FALLBACK = (told(12.6), told(27.1, "resolved"))


def test_8_every_route_of_an_alert_has_to_be_reached():
    assert judge(recorded(*FALLBACK)).exit_code == 0
    assert reasons(judge(recorded())) == [
        "Down{instance=a} undelivered: it is routed to fallback as well, who was not told"
    ]


def test_8_a_receiver_that_does_not_lead_to_the_pager_is_not_waited_for():
    assert judge(recorded(observed=("pager", "deadman"))).exit_code == 0


def test_8_whoever_is_told_without_a_route_is_a_finding():
    verdict = judge(recorded(*FALLBACK, told(13.0, receiver="ceo-phone")))
    assert reasons(verdict) == ["Down{instance=a} misrouted: it went to ceo-phone"]


def test_8_a_window_may_name_its_receiver():
    whole = recorded(*FALLBACK)
    named = msgspec.convert(
        EXPERIMENT | {"alerts": [DOWN[0] | {"receiver": "fallback"}]}, Experiment, dec_hook=values.decode
    )
    result = judge(replace(whole, experiment=named)).alerts[0]
    assert (result.outcome, result.delivered) == ("proven", pytest.approx(2.6))


def test_8_a_receiver_that_is_told_of_no_resolution_is_named_as_the_cause():
    whole = recorded(*FALLBACK, resolves="false")
    left = tuple(
        fact
        for fact in whole.facts
        if not (isinstance(fact, PageSeen) and fact.receiver == "pager" and fact.alerts[0].status == "resolved")
    )
    assert reasons(judge(replace(whole, facts=left))) == [
        "Down{instance=a} stuck: pager is told of no resolution: its send_resolved is false"
    ]


@pytest.mark.parametrize(("bound", "exit_code"), [("== 2", 0), ("<= 2", 0), ("== 1", 1), (">= 3", 1)])
def test_8_pages_are_counted(bound, exit_code):
    # One to each of two receivers; the heartbeat is none.
    verdict = judge(recorded(*FALLBACK, pages=bound))
    assert verdict.exit_code == exit_code
    assert verdict.alerts[0].pages == 1
    if exit_code:
        assert reasons(verdict) == [f"2 pages said that something fires, should be {bound}"]


def test_8_a_page_whose_text_could_not_be_made_is_a_finding():
    broken = msgspec.structs.replace(FALLBACK[0].alerts[0], annotations={"summary": "<error expanding template x>: y"})
    verdict = judge(recorded(msgspec.structs.replace(FALLBACK[0], alerts=[broken]), FALLBACK[1]))
    assert reasons(verdict) == ["a page of Down has a template error for its summary"]
    assert verdict.exit_code == 1


def test_8_what_was_left_out_of_a_page_makes_a_run_inconclusive():
    verdict = judge(recorded(msgspec.structs.replace(FALLBACK[0], truncated=2), FALLBACK[1]))
    assert (verdict.exit_code, reasons(verdict)) == (
        6,
        ["2 alerts were left out of the pages of fallback, by its max_alerts"],
    )


@pytest.mark.parametrize("config", ["route: [", "receivers: []", "route: { receiver: a, matchers: ['x=~\"(\"'] }"])
def test_8_a_routing_that_cannot_be_read_holds_nothing(config):
    whole = recorded(*FALLBACK)
    unreadable = tuple(
        msgspec.structs.replace(fact, config=config) if isinstance(fact, AlertmanagerConfigured) else fact
        for fact in whole.facts
    )
    verdict = judge(replace(whole, facts=unreadable))
    assert (verdict.exit_code, len(reasons(verdict))) == (6, 1)
    assert "Alertmanager's configuration cannot be read" in reasons(verdict)[0]
