"""Intervals: they hold the value, shrink with more rounds, and are not made of too few."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.judge.claims import interval

values = st.lists(st.floats(0.1, 1000.0), min_size=3, max_size=12)


@settings(max_examples=20, deadline=None)
@given(values)
def test_a_value_lies_in_its_interval_and_that_within_what_was_seen(seen):
    found = interval.of("one", seen)
    assert min(seen) <= found.low <= found.value <= found.high <= max(seen)


@settings(max_examples=20, deadline=None)
@given(values, values)
def test_a_ratio_lies_in_its_interval(above, below):
    found = interval.of_ratio("one", above, below)
    assert found.low <= found.value <= found.high
    assert interval.of_ratio("one", above, below) == found


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.1, 1000.0), max_size=2))
def test_too_few_say_nothing(seen):
    assert interval.of("one", seen) is None
    assert interval.of_ratio("one", seen, [1.0, 1.0, 1.0]) is None
    assert interval.of_ratio("one", [1.0, 1.0, 1.0], seen) is None


def test_nothing_is_divided_by_zero():
    assert interval.of_ratio("one", [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]) is None


def test_more_rounds_make_a_narrower_interval():
    chance = random.Random(1)
    seen = [chance.gauss(100, 10) for _ in range(200)]
    few, many = interval.of("one", seen[:10]), interval.of("one", seen)
    assert many.high - many.low < (few.high - few.low) / 2
