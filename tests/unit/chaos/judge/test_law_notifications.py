"""Law 8, where people are paged for real: a receiver that is stood for is proven by Alertmanager's own counters."""

from dataclasses import replace

import httpx
import msgspec
import pytest

from chaos.facts.alerts import AlertmanagerConfigured, Counted, NotificationsCounted
from chaos.judge.judge import judge
from chaos.observe.alertmanager import Alertmanager
from chaos.report import terminal
from chaos.report.words import reasons
from tests.unit.chaos.judge.lives import judged_facts, well

DOWN = [{"name": "Down", "fires_within": "10s", "resolves_within": "10s"}]
TREE = """
route:
  receiver: oncall
  routes:
    - { matchers: [alertname=Watchdog], receiver: deadman }
    - { receiver: pager, continue: true }
    - { receiver: oncall }
receivers:
  - { name: pager, webhook_configs: [{ url: <secret> }] }
  - { name: deadman, webhook_configs: [{ url: <secret> }] }
  - { name: oncall, pagerduty_configs: [{ routing_key: <secret> }], slack_configs: [{ channel: x }] }
"""


def counted(at, sent=0.0, failed=0.0, slack=0.0, receiver=""):
    return NotificationsCounted(
        at, [Counted("pagerduty", receiver, sent, failed), Counted("slack", receiver, slack, 0.0)]
    )


def recorded(*looks, stands_for=("oncall",)):
    whole = judged_facts([well()], DOWN)
    started = msgspec.structs.replace(whole.facts[0], receivers=["pager", "deadman"], stands_for=list(stands_for))
    facts = (started, AlertmanagerConfigured(0.0, TREE, "0.28.0"), *whole.facts[1:-1], *looks, whole.facts[-1])
    return replace(whole, facts=facts)


BEFORE, AFTER = counted(0.0, 7.0, 3.0, 1.0), counted(32.0, 9.0, 3.0, 2.0)


def test_8_what_alertmanager_sent_and_did_not_fail_proves_a_receiver_that_is_stood_for():
    verdict = judge(recorded(BEFORE, AFTER))
    assert (verdict.exit_code, reasons(verdict)) == (0, [])
    told = terminal.render(verdict, "runs/r")
    assert "delivery was seen at pager, a receiver beside oncall; of these Alertmanager counts:" in told
    assert "by pagerduty to oncall: 2 sent, 0 failed (with all other receivers of this kind)" in told


def test_8_a_notification_that_failed_refutes():
    verdict = judge(recorded(BEFORE, counted(32.0, 9.0, 4.0, 2.0)))
    assert (verdict.exit_code, reasons(verdict)) == (1, ["Alertmanager failed 1 times to tell oncall by pagerduty"])


@pytest.mark.parametrize(
    ("looks", "why"),
    [
        ((), "Alertmanager's counters were not read before and after"),
        ((BEFORE,), "Alertmanager's counters were not read before and after"),
        ((BEFORE, NotificationsCounted(32.0, [], "Alertmanager: gone")), "Alertmanager: gone"),
        ((BEFORE, counted(32.0, 9.0, 3.0, 1.0)), "Alertmanager sent nothing by slack"),
    ],
)
def test_8_what_is_not_counted_is_not_known(looks, why):
    verdict = judge(recorded(*looks))
    assert (verdict.exit_code, reasons(verdict)) == (6, [f"whether oncall was told is not known: {why}"])


def test_8_a_receiver_that_there_is_not_is_not_known():
    (reason,) = reasons(judge(recorded(BEFORE, AFTER, stands_for=["nobody"])))
    assert "no such receiver" in reason


def test_8_nobody_is_asked_of_whom_nothing_was_said():
    verdict = judge(recorded(stands_for=()))
    assert (verdict.exit_code, verdict.told) == (0, [])


def test_8_counters_that_tell_receivers_apart_are_read_apart():
    named = [msgspec.structs.replace(look, counted=[
        *look.counted, Counted("pagerduty", "oncall", 1.0, 0.0), Counted("slack", "oncall", look.at, 0.0)
    ]) for look in (BEFORE, AFTER)]  # fmt: skip
    (reason,) = reasons(judge(recorded(*named)))
    assert reason.endswith("Alertmanager sent nothing by pagerduty")


def test_8_a_counter_that_began_anew_counts_from_nothing():
    assert judge(recorded(BEFORE, counted(32.0, 2.0, 0.0, 2.0))).told[0].sent == 2


METRICS = """
# TYPE alertmanager_notifications_total counter
alertmanager_notifications_total{integration="pagerduty",receiver_name="on\\"call"} 3
alertmanager_notifications_total{integration="slack",receiver_name="a"} 1e+00
alertmanager_notifications_failed_total{integration="pagerduty",reason="other",receiver_name="on\\"call"} 1
alertmanager_notifications_failed_total{integration="pagerduty",reason="serverError",receiver_name="on\\"call"} 1
alertmanager_notification_latency_seconds_count{integration="pagerduty"} 4
"""


def looked(answer):
    return Alertmanager("http://a", httpx.MockTransport(lambda _: answer)).counted(2.0)


def test_its_counters_are_read_as_it_writes_them():
    assert looked(httpx.Response(200, text=METRICS)).counted == [
        Counted("pagerduty", 'on"call', 3.0, 2.0),
        Counted("slack", "a", 1.0, 0.0),
    ]


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, text="up 1")])
def test_no_counters_are_a_fact(answer):
    seen = looked(answer)
    assert seen.counted == []
    assert "/metrics" in seen.error
