"""junit.xml: a case for each thing that was judged, red exactly where the verdict is."""

from collections import Counter
from xml.etree import ElementTree

import msgspec
import pytest

from chaos.facts.ledger import OrderReading, OrderState
from chaos.judge.judge import judge
from chaos.report import junit
from chaos.verdict.result_finding import LineBecame, LineMoved
from chaos.verdict.results import PanelResult
from chaos.verdict.verdict import Ending, ExitCode, Outcome
from tests.unit.catalogues import alert, catalogue, entry, verdict
from tests.unit.recordings import facts, history, is_page, recording, requests, without

DOWN = "Down{instance=shop-2, severity=warning}"
HURT = requests(failed_at=[12.0 + one / 50 for one in range(50)])
LOST = (OrderReading("k", OrderState.ACKNOWLEDGED, 0, False),)


def parsed(of):
    return ElementTree.fromstring(junit.render(of, 40.0))


def red(root):
    """Name and kind of each case that is red."""
    return [(case.get("name"), kind.tag) for case in root.iter("testcase") for kind in case if kind.tag != "skipped"]


def ended(how, **changes):
    return (*facts()[:-1], msgspec.structs.replace(facts()[-1], how=how.value, detail="why", **changes))


def test_a_run_that_held_is_green():
    root = parsed(judge(recording()))
    groups = Counter(case.get("classname") for case in root.iter("testcase"))
    assert groups == {"e.checks": 4, "e.alerts": 2, "e.ledgers": 2, "e.run": 2}
    assert red(root) == []
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("10", "0", "0")
    assert root.find("testsuite").get("time") == "40.000"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"requests": HURT}, [("failed during < 0.01", "failure")]),
        ({"facts": without(is_page("firing"), is_page("resolved"))}, [(DOWN, "failure")]),
        ({"facts": (*facts(), history("firing", 14, 16, "Other", {}))}, [("Other", "failure")]),
        ({"readings": LOST}, [("orders", "failure")]),
        ({"readings": None}, [("orders", "error")]),
        ({"session_readings": None}, [("sessions", "error")]),
        ({"ticks": ()}, [("evidence", "error")]),
        ({"facts": ended(Ending.INTERRUPTED)}, [("evidence", "error")]),
        ({"facts": ended(Ending.UNDO_FAILED, by_hand=["do it"])}, [("undo", "failure")]),
    ],
)
def test_what_is_wrong_is_red_where_it_belongs(changes, expected):
    assert red(parsed(judge(recording(**changes)))) == expected


def test_missing_data_is_an_error_and_no_failure():
    early = tuple(fact for fact in facts() if fact.at <= 5.0)
    found = judge(recording(facts=(*early, *ended(Ending.BASELINE_NOT_MET)[-1:])))
    kinds = {kind for _, kind in red(parsed(found))}
    assert (found.outcome, kinds) == ("inconclusive", {"error"})


@pytest.mark.parametrize("outcome", [Outcome.DEVIATED, Outcome.INCONCLUSIVE])
@pytest.mark.parametrize("reasons", [[], ["worded as nobody expected"], ["orders of a kind", "the load was late"]])
def test_no_run_that_did_not_hold_is_green(outcome, reasons):
    root = parsed(verdict("kill", alert("Down"), outcome=outcome, reasons=reasons))
    assert red(root)
    message = " ".join(kind.get("message") for case in root.iter("testcase") for kind in case)
    assert all(reason in message for reason in reasons)


def test_a_claimed_panel_is_a_case_and_another_is_none():
    panels = [
        PanelResult("haproxy", "States", True, False, "l", 0.1, LineBecame("l", 1.0, None)),
        PanelResult("haproxy", "Retries", None, True, "l", 3.0, LineMoved("l", 1.0, 2.0, 5.0, 3.0)),
    ]
    found = verdict("kill", outcome=Outcome.DEVIATED, panels=panels, reasons=[])
    assert red(parsed(found)) == [("haproxy / States", "failure")]


def test_an_alert_that_the_fault_itself_hides_is_skipped():
    hidden = msgspec.structs.replace(alert("Down", "unknown"), blinded=True)
    root = parsed(verdict("kill", hidden))
    assert red(root) == []
    assert root.find("testsuite").get("skipped") == "1"


def test_whatever_is_said_the_xml_is_valid():
    evil = 'a\x00b\x1b]]>&<"\ud800\uffff'
    found = verdict(
        "kill", alert(evil, "surprise", reason=evil, labels={evil: evil}), outcome=Outcome.DEVIATED, reasons=[evil]
    )
    root = parsed(found)
    assert "\N{REPLACEMENT CHARACTER}" in root.find(".//failure").text


def test_a_catalogue_has_a_suite_for_each_experiment():
    bad = verdict("b", alert("Down", "late"), outcome=Outcome.DEVIATED, reasons=[])
    run = catalogue(
        entry("a"),
        entry("b", bad),
        msgspec.structs.replace(entry("c"), verdict=None, run_id=None, exit_code=2, detail="the stack did not come up"),
        entry("d", exit_code=int(ExitCode.UNDO_FAILED)),
        planned=["a", "b", "c", "d", "e"],
        ended_early="by SIGINT",
    )
    root = ElementTree.fromstring(junit.render_all(run))
    counts = {one.get("name"): (one.get("failures"), one.get("errors")) for one in root.iter("testsuite")}
    assert counts == {"a": ("0", "0"), "b": ("1", "0"), "c": ("0", "1"), "d": ("0", "1"), "e": ("0", "1")}
    assert (root.get("failures"), root.get("errors")) == ("1", "3")
    assert "by SIGINT" in ElementTree.tostring(root).decode()
