"""A claim is held only where its recording is whole, its machine enough, its client on time and its bounds kept."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.facts.claims import histogram, recording
from chaos.facts.claims.facts import BusySeen, ClaimStarted
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims.judge import judge
from chaos.spec.claims.claim import Claim, MeasureBound
from chaos.spec.values import Bound
from chaos.verdict.claims import (
    ClaimsVerdict,
    ClientFull,
    ClientLate,
    LimitTooLow,
    LimitUnknown,
    MachineBusy,
    MachineUnseen,
    Measure,
)
from chaos.verdict.verdict import Outcome
from tests.unit.chaos.claims.made_up import HYPOTHESES, load, written
from tests.unit.chaos.claims.made_up import recording as made_up

ONE = Claim(
    number=7, title="", article="", claim="", deviations={"some": "thing"}, needs={"cores": 2},
    bounds=[MeasureBound("", "one", Bound.parse("< 10"), ""), MeasureBound("", "two", Bound.parse(">= 0"), "")],
)  # fmt: skip


class Given:
    """A reader that knows these numbers whatever was recorded."""

    def __init__(self, *measures: Measure) -> None:
        self._measures = measures

    def measures(self, seen: ClaimRecording):
        return self._measures

    def pictures(self, seen: ClaimRecording):
        return ()


WELL = Given(Measure.exact("one", 1.0), Measure.exact("two", 1.0))


def outcome(*facts, reader=WELL, **more):
    return judge("one", made_up("one", *facts, made=ONE, **more), reader).outcome


def test_all_well_is_held():
    assert outcome(load()) is Outcome.HELD


@given(st.floats(-100, 100), st.floats(0, 20), st.floats(0, 20))
def test_a_bound_is_held_or_broken_by_the_whole_interval_alone(value, below, above):
    one = Measure("one", value, value - below, value + above)
    found = judge("one", made_up("one", made=ONE), Given(one, Measure.exact("two", 1.0)))
    wanted = Outcome.HELD if one.high < 10 else Outcome.DEVIATED if one.low >= 10 else Outcome.INCONCLUSIVE
    assert found.outcome is found.bounds[0].outcome is wanted


@pytest.mark.parametrize(
    "seen",
    [(), (Measure("one", math.nan, math.nan, math.nan),), (Measure("one", 1.0, -math.inf, 2.0),)],
)
def test_what_is_not_known_is_not_held(seen):
    assert outcome(reader=Given(*seen, Measure.exact("two", 1.0))) is Outcome.INCONCLUSIVE


def test_one_bound_that_is_broken_refutes_though_another_is_not_known():
    assert outcome(reader=Given(Measure.exact("one", 11.0))) is Outcome.DEVIATED


@pytest.mark.parametrize("endless", [math.nan, math.inf, -math.inf])
def test_a_verdict_can_be_compared_with_whatever_was_measured(endless):
    reader = Given(Measure("one", 1.0, min(1.0, endless), max(1.0, endless)), Measure.exact("two", endless))
    found = judge("one", made_up("one", load(lag=[]), made=ONE), reader)
    written = msgspec.json.encode(ClaimsVerdict("r", [found]))
    assert msgspec.json.decode(written, type=ClaimsVerdict) == ClaimsVerdict("r", [found])


BROKEN = Given(Measure.exact("one", 11.0), Measure.exact("two", 1.0))


@given(
    st.sampled_from(["late", "full", "never looked", "busy", "unseen", "limit", "no limit", "ended", "lost"]),
    st.booleans(),
)
def test_a_recording_that_can_say_nothing_neither_holds_nor_refutes(what, well):
    facts, more = [load()], {}
    match what:
        case "late":
            facts = [load(lag=histogram.of([0.0001] * 97 + [0.5] * 3))]
        case "never looked":
            facts = [load(lag=[])]
        case "full":
            facts = [load(cpu_seconds=0.95)]
        case "busy":
            facts = [BusySeen(0.5, 1.5, 2.0)]
        case "unseen":
            more = {"looked": False}
        case "limit":
            more = {"limits": {"cores": 1}}
        case "no limit":
            more = {"limits": {}}
        case "ended":
            more = {"ended": "interrupted"}
        case "lost":
            more = {"wrote": {"started": 1, "limit": 1, "busy": 1, "load": 2}}
    assert outcome(*facts, reader=WELL if well else BROKEN, **more) is Outcome.INCONCLUSIVE


def findings(*facts, **more):
    return [type(one) for one in judge("one", made_up("one", *facts, made=ONE, **more), WELL).findings]


def test_each_says_what_it_is():
    assert findings(load(lag=histogram.of([0.03] * 100))) == [ClientLate]
    assert findings(load(cpu_seconds=0.95)) == [ClientFull]
    late = [load(lag=histogram.of([seconds] * 100), labels={"n": str(seconds)}) for seconds in (0.03, 0.5, 0.1)]
    (found,) = judge("one", made_up("one", *late, made=ONE), WELL).findings
    assert (found.load, found.others) == ("made-up[0] n=0.5", 2)
    assert findings(BusySeen(0.5, 1.5, 2.0)) == [MachineBusy]
    assert findings(looked=False) == [MachineUnseen]
    assert findings(limits={"cores": 1}) == [LimitTooLow]
    assert findings(limits={}) == [LimitUnknown]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_recording_that_is_cut_or_lacks_a_line_is_never_held(tmp_path_factory, data):
    file = HYPOTHESES / "smaller.yaml"
    folder = written(tmp_path_factory.mktemp("claim") / "smaller", made_up("smaller", load(), load()), file)
    lines = (folder / "facts.ndjson").read_bytes().splitlines(keepends=True)
    place = data.draw(st.integers(1, len(lines) - 1))
    if data.draw(st.booleans()):
        kept = b"".join(lines[:place] + lines[place + 1 :])
    else:
        kept = b"".join(lines[:place]) + lines[place][: data.draw(st.integers(0, len(lines[place]) - 1))]
    (folder / "facts.ndjson").write_bytes(kept)
    reader = Given(*(Measure.exact(bound.measure, 0.7) for bound in made_up("smaller").claim.bounds))
    assert judge("smaller", recording.read(folder), reader).outcome is Outcome.INCONCLUSIVE


def test_what_a_fact_says_comes_back_as_it_was_written(tmp_path):
    seen = made_up("smaller", load(labels={"a": "b"}, by_tag={"x": [(3, 4)]}))
    back = recording.read(written(tmp_path / "smaller", seen, HYPOTHESES / "smaller.yaml"))
    assert back.facts == seen.facts
    assert back.first(ClaimStarted) == seen.facts[0]
    assert msgspec.json.encode(back.facts) == msgspec.json.encode(seen.facts)
