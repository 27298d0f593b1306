"""Law 7: a fault that met nobody was not injected, whatever it is, staged ones and parts of one too."""

from dataclasses import replace

import msgspec
import pytest

from chaos.drill.use import Use
from chaos.errors import FaultFailed, SignalUnavailable, Unmeasurable
from chaos.facts.alerts import AlertmanagerSeen, TakenAlert
from chaos.facts.pages import PageSeen
from chaos.facts.run import FaultProof, FaultSaid, Injected, StagedInjected, StagedUndone, Used
from chaos.faults import use
from chaos.faults.table import HANDS
from chaos.judge.judge import judge
from chaos.report.words import reasons
from chaos.spec import values
from chaos.spec.experiment import Experiment
from chaos.spec.faults.measure import Measure
from chaos.spec.faults.network import Latency
from chaos.spec.faults.none import NoFault
from chaos.spec.values import Duration
from tests.unit.recordings import EXPERIMENT, INJECTED, LABELS, UNDONE, facts, page, recording, requests

KINDS = {str(kind.__struct_config__.tag): kind for kind in HANDS}
BEFORE = [measure for measure in Measure if measure.before]


def changed(measure, used=None, met=None, staged=None, more=(), **rest):
    """All is well, but for what was counted of the fault; of the staged one, where `staged` is its index."""
    said = FaultSaid("f", "the fault", [], False, [], measure.value, measure.least, measure.before)
    instances = FaultSaid("g", "the other", [], False, [], Measure.INSTANCES.value, 100.0, before=True)
    found = []
    for fact in facts():
        if isinstance(fact, Injected) and staged is None:
            found.append(msgspec.structs.replace(fact, used=used))
        elif isinstance(fact, FaultProof):
            found.append(msgspec.structs.replace(fact, met=met if staged is None else None))
        else:
            found.append(fact)
    if staged is not None:
        found += [FaultProof(float(at), True, "x", staged, met) for at in range(12, 25)]
        found += [StagedInjected(INJECTED + 1, staged, "x", used), StagedUndone(UNDONE - 1, staged, "x")]
    faults = [said] if staged is None else [instances, said]
    found[0] = msgspec.structs.replace(found[0], faults=faults)
    return recording(facts=(*found, *more), **rest)


def test_7_only_what_breaks_nothing_is_exempt():
    assert NoFault.MEASURE is None
    assert [kind for kind, fault in KINDS.items() if fault.MEASURE is None] == ["none"]


def test_7_whatever_is_counted_before_a_fault_has_a_way_to_count_it():
    assert set(BEFORE) == set(use._COUNTED)


@pytest.mark.parametrize("staged", [None, 0])
@pytest.mark.parametrize("measure", BEFORE)
def test_7_what_nobody_used_was_not_injected(measure, staged):
    enough = judge(changed(measure, Used({"part": measure.least}), staged=staged))
    assert (enough.exit_code, reasons(enough)) == (0, [])
    idle = judge(changed(measure, Used({"used": 1e6, "part": measure.least - 1}), staged=staged))
    assert idle.exit_code == 4
    (reason,) = reasons(idle)
    assert "part" in reason
    assert f"at least {measure.least:g} are needed" in reason


@pytest.mark.parametrize("staged", [None, 0])
@pytest.mark.parametrize("measure", BEFORE)
def test_7_what_was_not_counted_is_not_held(measure, staged):
    verdict = judge(changed(measure, None, staged=staged))
    assert (verdict.exit_code, reasons(verdict)) == (6, ["nobody counted whether somebody met the fault (the fault)"])


def test_7_what_cannot_be_counted_from_here_is_said_and_neither_for_nor_against():
    verdict = judge(changed(Measure.LINKS, Used(why_not="Toxiproxy runs elsewhere")))
    assert (verdict.exit_code, verdict.unmeasured) == (0, ["Toxiproxy runs elsewhere"])


@pytest.mark.parametrize("staged", [None, 0])
def test_7_a_lock_that_nobody_waited_for_was_not_injected(staged):
    assert judge(changed(Measure.WAITS, met=2.0, staged=staged)).exit_code == 0
    assert judge(changed(Measure.WAITS, met=0.0, staged=staged)).exit_code == 4
    assert judge(changed(Measure.WAITS, met=None, staged=staged)).exit_code == 6


@pytest.mark.parametrize("staged", [None, 0])
def test_7_a_pager_that_refused_nothing_was_not_hit(staged):
    refused = page(14.0, "resolved", accepted=False, labels=LABELS)
    assert isinstance(refused, PageSeen)
    assert judge(changed(Measure.PAGES, staged=staged, more=(refused,))).exit_code == 0
    assert judge(changed(Measure.PAGES, staged=staged)).exit_code == 4


@pytest.mark.parametrize("staged", [None, 0])
def test_7_a_way_of_pages_on_which_there_was_nothing_to_send_was_not_hit(staged):
    taken = AlertmanagerSeen(14.5, None, [TakenAlert("Down", LABELS, [])])
    assert judge(changed(Measure.NOTICES, staged=staged, more=(taken,))).exit_code == 0
    assert judge(changed(Measure.NOTICES, staged=staged)).exit_code == 4
    before = AlertmanagerSeen(7.5, None, [TakenAlert("Down", LABELS, [])])
    assert judge(changed(Measure.NOTICES, staged=staged, more=(before, taken))).exit_code == 4


def test_7_a_link_to_the_pager_is_a_way_of_pages():
    hold = Duration(seconds=5)
    assert KINDS["network.down"](for_=hold, link="pager").measure() is Measure.NOTICES
    assert KINDS["network.down"](for_=hold, link="redis").measure() is Measure.LINKS


@pytest.mark.parametrize("staged", [None, 0])
def test_7_without_users_while_it_lasts_nothing_of_the_whole_was_hit(staged):
    assert judge(changed(Measure.USERS, staged=staged)).exit_code == 0
    before = tuple(one for one in requests() if not INJECTED <= one.at <= UNDONE)
    assert judge(changed(Measure.USERS, staged=staged, requests=before)).exit_code == 4


def test_7_each_of_several_instances_has_to_be_used():
    two = msgspec.convert(
        EXPERIMENT | {"fault": {"type": "process.kill", "instances": ["shop-2", "shop-3"], "for": "15s"}},
        Experiment,
        dec_hook=values.decode,
    )
    known = msgspec.structs.replace(facts()[0], victims=["shop-2", "shop-3"])
    counted = [
        msgspec.structs.replace(fact, victims={"shop-2": 80, "shop-3": 2}) if isinstance(fact, Injected) else fact
        for fact in facts()[1:]
    ]
    verdict = judge(replace(recording(facts=(known, *counted)), experiment=two))
    assert (verdict.exit_code, len(reasons(verdict))) == (4, 1)
    assert reasons(verdict)[0].startswith("shop-3 answered 2 of the users' requests")


# How it is counted while a run goes on.


@pytest.fixture
def told(monkeypatch):
    """What the system tells at each look, one after the other; an error is raised."""
    answers = []

    def so_far(*_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(use, "so_far", so_far)
    return answers


LATENCY = Latency(for_=Duration(seconds=5), link="redis", latency=Duration(seconds=1))


def counted(answers, told, fault=LATENCY):
    told += answers
    one = Use(fault)
    while told:
        one.look(None)
    return one.result()


def test_only_what_grows_is_counted_and_a_counter_that_began_anew_from_nothing(told):
    looks = [{"redis": {"a": 5_000.0}}, {"redis": {"a": 5_290.0, "b": 30.0}}, {"redis": {"a": 10.0, "b": 30.0}}]
    assert counted(looks, told) == Used({"redis": 330.0})


def test_a_counter_that_one_look_leaves_out_is_no_new_one(told):
    looks = [{"redis": {"a": 5_000.0, "b": 1.0}}, {"redis": {"b": 1.0}}, {"redis": {"a": 5_400.0, "b": 1.0}}]
    assert counted(looks, told) == Used({"redis": 400.0})


def test_what_is_idle_is_refused_before_anything_is_done(told):
    with pytest.raises(FaultFailed, match="callers sent 60 bytes through link redis in the baseline, at least 300"):
        counted([{"redis": {"a": 5_000.0}}, {"redis": {"a": 5_060.0}}], told)
    with pytest.raises(FaultFailed, match="callers sent 0 bytes"):
        counted([{"redis": {}}, {"redis": {}}], told)


def test_a_look_that_gives_nothing_is_made_up_for_by_the_next(told):
    looks = [{"redis": {"a": 0.0}}, SignalUnavailable("x"), {"redis": {"a": 400.0}}]
    assert counted(looks, told) == Used({"redis": 400.0})
    assert counted([SignalUnavailable("x")], told) is None


def test_what_cannot_be_looked_at_from_here_says_why(told):
    assert counted([Unmeasurable("it runs elsewhere")], told) == Used(why_not="it runs elsewhere")


def test_what_is_measured_while_it_lasts_is_not_looked_at_before(told):
    hog = KINDS["process.hog"](for_=Duration(seconds=1), processes=1)
    one = Use(hog)
    one.look(None)
    assert one.result() is None
