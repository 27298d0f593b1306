"""What a switch is worth is concluded from two recordings that say how the system was told to be, or not at all."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.report import ablation as shown
from chaos.spec.ablation import Ablated, Exempt, Notice
from chaos.spec.values import Duration
from chaos.verdict.ablation import Ablation, Compared, Found, Side, side_of
from chaos.verdict.results import Orders, PhaseStats
from chaos.verdict.run_finding import RunEndedEarly
from chaos.verdict.verdict import Ending, Outcome
from tests.unit.catalogues import entry, verdict

OFF = {"SHOP_X": "off"}
NOTICE = Notice(failed=0.05, p99=Duration(milliseconds=200), lost=2)
ROW = Ablated("SHOP_X", "kill", NOTICE)
WELL = Side("held", "r1", "during", 0.01, 0.01, 0.1, 0, held=True)


def compared(off=WELL, on=WELL, **row):
    return Compared(msgspec.structs.replace(ROW, **row), on, off)


def changed(side=WELL, **changes):
    return msgspec.structs.replace(side, **changes)


def of_run(told=OFF, **changes):
    phases = [PhaseStats("before", 10.0, 500, 0, 0.01, 0.1), PhaseStats("during", 15.0, 700, 7, 0.01, 0.2)]
    return side_of(entry("kill", verdict("kill", **({"phases": phases, "settings": OFF} | changes))), told)


@pytest.mark.parametrize(
    "worse", [{"failed": 0.061}, {"p99_seconds": 0.3001}, {"lost": 2}, {"failed": 1.0, "held": False}]
)
def test_any_difference_that_is_as_large_as_the_table_says_is_noticed(worse):
    assert compared(changed(**worse)).found is Found.NOTICED


@given(
    failed=st.floats(0, 0.0599),
    p99=st.floats(0, 0.2999),
    lost=st.integers(0, 1),
    p50=st.one_of(st.none(), st.floats(0, 10)),
)
def test_smaller_ones_are_not_and_no_measure_stands_for_another(failed, p99, lost, p50):
    off = changed(failed=failed, p99_seconds=p99, lost=lost, p50_seconds=p50)
    assert compared(off).found is Found.NOTHING
    assert compared(off, finding="an experiment is missing").found is Found.LISTED


def test_an_experiment_that_holds_no_more_is_noticed_only_where_the_table_says_so():
    off = changed(held=False)
    assert compared(off).found is Found.OTHERWISE
    assert compared(off, notices=Notice(verdict=True)).found is Found.NOTICED
    assert compared(WELL, notices=Notice(verdict=True)).found is Found.NOTHING


def test_a_listed_finding_that_is_noticed_after_all_is_said():
    assert compared(changed(failed=0.5), finding="an experiment is missing").found is Found.OTHERWISE


@given(st.sampled_from(["on", "off"]), st.booleans())
def test_a_side_that_tells_nothing_proves_nothing(which, worse):
    off = changed(failed=0.9, held=False) if worse else WELL
    sides = {"on": WELL, "off": off}
    sides[which] = changed(sides[which], why="evidence is missing")
    assert compared(sides["off"], sides["on"]).found is Found.UNKNOWN


def test_what_does_not_hold_with_all_on_proves_nothing():
    assert compared(changed(failed=0.9), changed(held=False)).found is Found.UNKNOWN


@given(st.sampled_from(["failed", "p99_seconds", "lost"]), st.sampled_from(["on", "off"]))
def test_a_measure_that_one_side_lacks_is_no_difference(name, which):
    sides = {"on": WELL, "off": WELL}
    sides[which] = changed(sides[which], **{name: None})
    assert compared(sides["off"], sides["on"]).found is Found.NOTHING


def test_users_are_those_of_the_time_in_which_the_fault_was_held():
    side = of_run()
    assert (side.phase, side.failed, side.p99_seconds, side.held, side.why) == ("during", 0.01, 0.2, True, "")


@pytest.mark.parametrize("told", [{}, {"SHOP_X": "on"}, {"SHOP_Y": "off"}, OFF | {"SHOP_Y": "off"}])
def test_a_recording_of_a_system_that_was_told_something_else_counts_for_nothing(told):
    assert "SHOP_X=off instead" in of_run(told).why


def test_a_baseline_that_users_break_says_enough():
    phases = [PhaseStats("before", 10.0, 500, 100, 0.01, 0.1)]
    early = [RunEndedEarly("baseline not met", "")]
    inconclusive = {"outcome": Outcome.INCONCLUSIVE, "findings": early, "exit_code": 3, "injected": None}
    side = of_run(phases=phases, **inconclusive)
    assert (side.phase, side.failed, side.why, side.held) == ("before", 0.2, "", False)
    well = [msgspec.structs.replace(phases[0], failed=0)]
    assert of_run(phases=well, **inconclusive).why == "evidence is missing"
    assert of_run(phases=phases, **(inconclusive | {"injected": 10.0})).why == "evidence is missing"


@pytest.mark.parametrize("ending", [one for one in Ending if one is not Ending.BASELINE_NOT_MET])
def test_a_request_that_failed_before_a_run_ended_for_another_reason_says_nothing_of_the_switch(ending):
    phases = [PhaseStats("before", 10.0, 500, 1, 0.01, 0.1)]
    early = [RunEndedEarly(ending.value, "")]
    side = of_run(phases=phases, outcome=Outcome.INCONCLUSIVE, findings=early, exit_code=4, injected=None)
    assert side.why == "evidence is missing"


def test_lost_writes_are_all_that_broke_a_promise():
    told = {"sent": 9, "acknowledged": 9, "found": 5, "refused": 0, "unknown": 0, "unread": []}
    lost = Orders(**told, lost=["a"], mismatched=["b"], doubled=["c"], refused_but_found=["d"], stale_reads=["e", "e"])
    assert of_run(orders=lost).lost == 6
    assert of_run().lost is None


def test_a_run_without_a_verdict_says_why():
    none = msgspec.structs.replace(entry("kill"), verdict=None, detail="the stack did not come up")
    assert side_of(none, OFF).why == "the stack did not come up"


def whole(*rows, **changes):
    made = Ablation("20261130-ablation", 0.0, 60.0, "abc", False, [one.row.switch for one in rows], list(rows), [])
    return msgspec.structs.replace(made, **changes)


def test_the_whole_holds_if_all_is_as_the_table_says_and_nothing_was_left_out():
    noticed, listed = compared(changed(failed=0.5)), compared(finding="an experiment is missing")
    assert whole(noticed, listed).holds
    assert not whole(noticed, compared()).holds
    assert not whole(noticed, planned=["SHOP_X", "SHOP_Y"]).holds
    assert not whole(noticed, ended_early="by signal 2").holds


def test_the_reports_name_both_sides_findings_and_exemptions():
    evil = "<script>|`"
    table = whole(
        compared(changed(failed=0.5, run_id="r2")),
        compared(finding=evil),
        compared(),
        compared(on=changed(held=False)),
        exempt=[Exempt("SHOP_Z", "no mechanism")],
    )
    text, page = shown.markdown(table), shown.page(table)
    for said in ("1.0% / 50.0%", "100 ms / 100 ms", "an experiment is missing, or", "SHOP_Z", "no mechanism"):
        assert said in text
        assert said in page
    assert "it does not hold with the switch on" in text
    assert '<a href="../r2/report.html">off</a>' in page
    for written in (text, page):
        assert "<script>" not in written
    cells = [line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")]
    assert len(set(cells)) == 1
    found = [one["found"] for one in msgspec.json.decode(shown.render(table))["compared"]]
    assert found == ["noticed", "not noticed, listed", "not noticed", "unknown"]
