"""Claim 4: a linear system holds, a shared one deviates, and one that was too slow, or too noisy, says nothing."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.claims.scaling import SIZES
from chaos.judge.claims import scaling, scaling_law
from chaos.judge.claims.scaling_law import Law
from chaos.verdict.verdict import Outcome
from tests.unit.chaos.judge.claim_seen import judged, load, measured, reading


def seen(law, busy=1.4, **more):
    found = loads(law, **more)
    return [reading("cores", 2), *found, *(reading("busy", busy, **one.labels) for one in found)]


def loads(law, noise=0.005, rounds=3, took=0.1, failed=0, seed=1):
    chance = random.Random(seed)
    return [
        load(
            {"instances": str(instances), "workers": str(workers), "round": str(turn)},
            rate=law.throughput(instances * workers) * (1 + chance.gauss(0, noise)),
            seconds=5.0,
            took=took,
            failed=failed,
        )
        for turn in range(rounds)
        for workers, several in SIZES.items()
        for instances in several
    ]


@settings(max_examples=5)
@given(st.floats(200, 800), st.integers(0, 100))
def test_a_linear_system_holds(one_alone, seed):
    assert judged("scaling", seen(Law(one_alone, 0.0, 0.0), seed=seed)).outcome is Outcome.HELD


@settings(max_examples=5)
@given(st.floats(0.1, 0.5), st.integers(0, 100))
def test_contention_deviates(contention, seed):
    assert judged("scaling", seen(Law(440, contention, 0.0), seed=seed)).outcome is Outcome.DEVIATED


@settings(max_examples=5)
@given(st.floats(0.01, 0.05), st.integers(0, 100))
def test_crosstalk_deviates(crosstalk, seed):
    assert judged("scaling", seen(Law(440, 0.0, crosstalk), seed=seed)).outcome is Outcome.DEVIATED


def test_an_interval_that_is_too_wide_says_nothing_and_asks_for_more_rounds():
    noisy, quiet = (scaling_law.fit(scaling.measured(loads(Law(440, 0, 0), noise=one), 0.5)) for one in (0.15, 0.005))
    assert judged("scaling", seen(Law(440, 0, 0), noise=0.15)).outcome is not Outcome.HELD
    assert scaling.is_undecided(noisy, 0.05, 0.002)
    assert not scaling.is_undecided(quiet, 0.05, 0.002)


def test_throughput_at_another_latency_or_with_failures_is_no_throughput():
    linear = Law(440, 0, 0)
    for facts in (seen(linear, took=0.6), seen(linear, failed=1), [], seen(linear, rounds=0), seen(linear, busy=1.98)):
        assert judged("scaling", facts).outcome is Outcome.INCONCLUSIVE
        assert "contention" not in measured("scaling", facts)


def test_there_are_at_most_eight_workers_and_four_instances():
    sizes = [(workers, instances) for workers, several in SIZES.items() for instances in several]
    assert {instances for _, instances in sizes} == {1, 2, 3, 4}
    assert {workers for workers, _ in sizes} == {1, 2, 4}
    assert max(workers * instances for workers, instances in sizes) == 8
