"""The scalability law: what synthetic measurements were made with is found again, and intervals hold it."""

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chaos.judge.claims.scaling_law import Law, Measured, fit

SIZES = (1, 2, 3, 4, 2, 4, 8, 4, 8)
laws = st.builds(
    Law,
    one_alone=st.floats(1, 10_000),
    contention=st.floats(0, 0.5),
    crosstalk=st.floats(0, 0.05),
)


def noisy(law, noise, rounds, seed):
    chance = random.Random(seed)
    return [
        Measured(size, law.throughput(size) * (1 + chance.gauss(0, noise))) for _ in range(rounds) for size in SIZES
    ]


@settings(max_examples=25)
@given(laws)
def test_without_noise_the_numbers_are_found_again(law):
    found = fit(noisy(law, 0, 2, 0))
    assert found.law.one_alone == pytest.approx(law.one_alone, rel=1e-6)
    assert found.law.contention == pytest.approx(law.contention, abs=1e-6)
    assert found.law.crosstalk == pytest.approx(law.crosstalk, abs=1e-6)
    assert found.worst < 1e-6
    for interval in (found.contention, found.crosstalk):
        assert interval.high - interval.low < 1e-5


@given(laws, st.floats(0.001, 0.02), st.integers(0, 1000))
@settings(max_examples=8)
def test_the_same_measurements_give_the_same_intervals_and_each_holds_its_value(law, noise, seed):
    measured = noisy(law, noise, 3, seed)
    found = fit(measured)
    assert found == fit(measured)
    for interval in (found.one_alone, found.contention, found.crosstalk):
        assert interval.low <= interval.value <= interval.high


def test_nineteen_intervals_in_twenty_hold_the_truth():
    law = Law(440.0, 0.02, 0.0005)
    fits = [fit(noisy(law, 0.02, 3, seed)) for seed in range(60)]
    held = sum(found.contention.low <= law.contention <= found.contention.high for found in fits)
    # Of 60, 57 are to be expected; 51 or fewer come once in a hundred such tests, and the seeds are fixed.
    assert held >= 52
    assert sum(found.crosstalk.low <= law.crosstalk <= found.crosstalk.high for found in fits) >= 52


def test_a_steady_linear_system_is_shown_to_be_one_and_a_shared_lock_is_not():
    # 1 % of noise in four rounds is enough for the bounds of the claim; a lock held for a fifth of each request shows.
    linear, locked = Law(440.0, 0.0, 0.0), Law(440.0, 0.2, 0.0)
    assert fit(noisy(linear, 0.01, 4, 1)).contention.high < 0.05
    assert fit(noisy(linear, 0.01, 4, 1)).crosstalk.high < 0.002
    assert fit(noisy(locked, 0.01, 4, 1)).contention.low > 0.05


@settings(max_examples=15)
@given(laws, st.floats(2, 1000))
def test_more_noise_never_looks_better_known(law, times):
    little, much = fit(noisy(law, 0.0005, 3, 1)), fit(noisy(law, 0.0005 * min(times, 20), 3, 1))
    assume(little is not None and much is not None)
    assert much.contention.high - much.contention.low >= 0.9 * (little.contention.high - little.contention.low)


@pytest.mark.parametrize(
    "measured",
    [
        [],
        [Measured(1, 100.0)] * 5,
        [Measured(1, 100.0), Measured(2, 200.0)] * 5,
        [Measured(1, 100.0), Measured(2, 200.0), Measured(3, 300.0)],
        [Measured(1, 100.0), Measured(2, 0.0), Measured(3, 300.0), Measured(4, 400.0)],
    ],
)
def test_too_little_is_no_law(measured):
    assert fit(measured) is None


def test_where_crosstalk_is_there_more_answer_fewer_from_some_size_on():
    law = Law(100.0, 0.1, 0.01)
    peak = law.most_useful_size
    assert law.throughput(peak) > max(law.throughput(0.9 * peak), law.throughput(1.1 * peak))
    assert Law(100.0, 0.1, 0.0).most_useful_size == float("inf")
