"""What is stretched at a slow pace and what is not; how long a run takes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from chaos.spec import experiment as experiments
from chaos.spec import length, promql, rule_text
from chaos.spec.experiment import Vocabulary
from chaos.spec.pace import FASTEST, Pace
from chaos.spec.rules import Wait
from compose.settings import ROOT
from tests.unit.chaos.spec.test_experiment import KNOWN

CATALOGUE = experiments.files(ROOT / "chaos" / "experiments")
paces = some.integers(1, FASTEST)


@given(pace=paces, file=some.sampled_from(CATALOGUE))
def test_only_holds_and_alerts_are_stretched(pace, file):
    as_written, at = experiments.read(file, KNOWN), Pace.of_ours(pace)
    held = as_written.at(at)
    for one, other in zip(as_written.faults, held.faults, strict=True):
        assert other.for_.in_seconds == pytest.approx(one.for_.in_seconds * FASTEST / pace)
        same = [name for name in one.__struct_fields__ if name != "for_"]
        assert [getattr(other, name) for name in same] == [getattr(one, name) for name in same]
    for one, other in zip(as_written.also, held.also, strict=True):
        assert other.after.in_seconds == pytest.approx(one.after.in_seconds * FASTEST / pace)
    for one, other in zip(as_written.steady_state, held.steady_state, strict=True):
        assert msgspec.structs.replace(other, query=one.query) == one
        if not one.from_load:
            assert promql.ranges(other.query) == pytest.approx(
                [each * FASTEST / pace for each in promql.ranges(one.query)], abs=0.001
            )
    kept = ("title", "claim", "recover_within", "quiet", "sessions_lost", "abort_if", "pages")
    assert [getattr(held, name) for name in kept] == [getattr(as_written, name) for name in kept]


@given(pace=paces, file=some.sampled_from(CATALOGUE))
def test_a_run_is_granted_longer_than_it_takes(pace, file):
    at = Pace.of_ours(pace)
    held = experiments.read(file, KNOWN).at(at)
    assert length.about(held, at) < length.longest(held, at)
    assert length.recovery(held, at) < length.longest(held, at)


def test_the_fastest_is_what_files_are_written_for():
    assert Pace.of_ours(FASTEST) == Pace()


@pytest.mark.parametrize(("slowest", "beat"), [(0.2, 1.0), (15.0, 15.0), (60.0, 60.0)])
def test_in_real_time_a_beat_is_what_rules_need_to_see_something_new(slowest, beat):
    pace = Pace.in_real_time(slowest)
    assert (pace.beat, pace.stretch) == (beat, 1.0)


def test_a_window_that_its_rule_cannot_meet_is_refused_with_the_arithmetic(tmp_path):
    file = next(file for file in CATALOGUE if file.stem == "kill-instance")
    slow = {"ShopInstanceDown": Wait(60.0, 30.0)}
    known = Vocabulary(KNOWN.alerts, KNOWN.instances, KNOWN.links, waits=slow)
    with pytest.raises(
        experiments.InvalidFile, match=r"waits 60 s \(`for`\) and its group 30 s \(group_wait\), 90 s in all"
    ):
        experiments.read(file, known)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ('up{job="a"}', {"a"}),
        ('up{job!="a"}', {"b", "ab"}),
        ('up{job=~"a.*"}', {"a", "ab"}),
        ('up{job!~"a.*"}', {"b"}),
        ("up", {"a", "b", "ab"}),
        ('sum(rate(x{job="a"}[5m])) / sum(rate(x{job="b"}[5m]))', {"a", "b"}),
    ],
)
def test_which_jobs_a_question_reads(query, read):
    assert promql.jobs(query, ("a", "b", "ab")) == read


def test_a_range_that_cannot_be_stretched_is_refused():
    assert promql.stretched("rate(x[5s]) and y{a='[1'}", 60) == "rate(x[300000ms]) and y{a='[1'}"
    with pytest.raises(ValueError, match="cannot be stretched"):
        promql.stretched("max_over_time(rate(x[5s])[1m:10s])", 60)


@pytest.mark.parametrize("nothing", ["0", "0s", "0m", "0h0m0s", 0, None])
def test_a_rule_that_waits_for_nothing_is_read(tmp_path, nothing):
    written = "" if nothing is None else f"\n        for: {nothing}"
    (tmp_path / "a.rules.yml").write_text(
        f"groups:\n  - name: a\n    rules:\n      - alert: A\n        expr: up{written}\n"
    )
    assert [one.for_seconds for one in rule_text.read(tmp_path)] == [0.0]
