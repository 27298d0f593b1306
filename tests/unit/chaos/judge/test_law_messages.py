"""Law 8, of messages for people: each page comes by each way that its receiver has, and its service would take it."""

import hashlib
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.alerts import AlertmanagerConfigured
from chaos.facts.pages import MessageSeen, PageSeen
from chaos.judge.judge import judge
from chaos.report import terminal
from chaos.report.words import reasons
from tests.unit.chaos.judge.lives import judged_facts, well

DOWN = [{"name": "Down", "fires_within": "10s", "resolves_within": "10s"}]
TREE = """
route: { receiver: pager, routes: [{ matchers: [alertname=Watchdog], receiver: deadman }] }
receivers:
  - name: pager
    webhook_configs: [{ url: x }]
    pagerduty_configs: [{ routing_key: x, send_resolved: %s }]
    slack_configs: [{ channel: x }]
  - { name: deadman, webhook_configs: [{ url: x }] }
"""
GROUP = '{}:{alertname="Down"}'
KEY = hashlib.sha256(GROUP.encode()).hexdigest()
KINDS = ("pagerduty", "slack")


def message(at, kind="pagerduty", status="firing", accepted=True, reason="", receiver="pager"):
    key = KEY if kind == "pagerduty" else ""
    return MessageSeen(
        at, receiver, kind, accepted, reason, status, key, "critical", f"[{status.upper()}] Down", "text"
    )


def pages():
    return [fact for fact in judged_facts([well()], DOWN).facts if is_page(fact)]


def is_page(fact):
    return isinstance(fact, PageSeen) and fact.receiver == "pager"


FIRED, RESOLVED = (page.at for page in pages())
ALL = (message(FIRED), message(FIRED + 0.1, "slack"), message(RESOLVED, status="resolved"))


def recorded(*messages, kinds=KINDS, resolves="true"):
    """A run in which all is well, whose receiver sends these messages beside its webhook."""
    whole = judged_facts([well()], DOWN)
    started = msgspec.structs.replace(
        whole.facts[0], receivers=["pager", "deadman"], messages={"pager": list(kinds)} if kinds else {}
    )
    configured = AlertmanagerConfigured(0.0, TREE % resolves, "0.28.0")
    facts = [msgspec.structs.replace(fact, group=GROUP) if is_page(fact) else fact for fact in whole.facts[1:-1]]
    return replace(whole, facts=(started, configured, *facts, *messages, whole.facts[-1]))


def test_8_a_page_that_came_by_each_way_is_well():
    verdict = judge(recorded(*ALL))
    assert (verdict.exit_code, reasons(verdict)) == (0, [])
    assert [(one.kind, one.firing, one.resolved, one.refused) for one in verdict.messages] == [
        ("pagerduty", 1, 1, 0),
        ("slack", 1, 0, 0),
    ]
    told = terminal.render(verdict, "runs/r")
    assert "by pagerduty to pager: 1 that fire, 1 resolved, 0 others\n              [FIRING] Down\n" in told


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (0, "no message by pagerduty told pager that Down fires, as its page at"),
        (1, "no message by slack told pager that Down fires, as its page at"),
        (2, "no message by pagerduty told pager that Down is resolved, as its page at"),
    ],
)
def test_8_a_message_that_did_not_come_refutes(lost, said):
    verdict = judge(recorded(*ALL[:lost], *ALL[lost + 1 :]))
    assert verdict.exit_code == 1
    (reason,) = reasons(verdict)
    assert reason.startswith(said)


@given(st.sets(st.integers(0, 2)))
def test_8_whatever_messages_are_lost_each_is_missed_and_none_is_counted_twice(lost):
    verdict = judge(recorded(*(one for place, one in enumerate(ALL) if place not in lost)))
    assert len(reasons(verdict)) == len(lost)
    assert verdict.exit_code == (1 if lost else 0)


def test_8_of_a_page_just_before_the_end_nobody_knows():
    whole = recorded(*ALL[:2])
    end = RESOLVED + 1
    shorter = [msgspec.structs.replace(one, at=min(one.at, end)) for one in whole.facts]
    verdict = judge(replace(whole, facts=tuple(shorter)))
    assert any("the run ended before a message by pagerduty could come" in one for one in reasons(verdict))


def test_8_what_the_service_would_not_take_refutes():
    refused = message(
        FIRED, accepted=False, reason="pagerduty would refuse it: severity 'page' is none of …", status=""
    )
    verdict = judge(recorded(refused, *ALL[1:]))
    assert verdict.exit_code == 1
    assert reasons(verdict) == [
        "a message to pager by pagerduty would not be taken: pagerduty would refuse it: severity 'page' is none of …"
    ]


def test_8_a_message_of_another_group_is_not_this_pages():
    other = msgspec.structs.replace(ALL[0], key="other")
    assert [reason.split(",")[0] for reason in reasons(judge(recorded(other, *ALL[1:])))] == [
        "no message by pagerduty told pager that Down fires"
    ]


def test_8_who_is_not_told_of_resolutions_is_not_asked_for_them():
    assert judge(recorded(*ALL[:2], resolves="false")).exit_code == 0


def test_8_where_no_messages_are_expected_none_is_missed():
    assert judge(recorded(kinds=())).exit_code == 0
    assert judge(recorded()).exit_code == 1


def test_8_what_came_before_the_baseline_proves_nothing():
    early = [msgspec.structs.replace(one, at=1.0) for one in ALL]
    assert len(reasons(judge(recorded(*early)))) == 3
