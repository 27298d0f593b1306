"""Times in buckets: a quantile is the real one or up to a percent more, never less; parts add up."""

import math

from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.claims import histogram

times = st.lists(st.floats(1e-6, 1000.0), min_size=1, max_size=200)


@given(times, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_never_shorter_and_at_most_a_percent_longer(values, share):
    real = sorted(values)[math.ceil(share * len(values) - 1e-9) - 1]
    found = histogram.quantile(histogram.of(values), share)
    assert real * (1 - 1e-9) <= found <= real * 1.0101


@given(times, times)
def test_what_is_counted_apart_adds_up(some, others):
    assert histogram.merged([histogram.of(some), histogram.of(others)]) == histogram.of(some + others)
    assert histogram.count(histogram.of(some)) == len(some)


@given(times)
def test_a_mean_is_at_most_a_percent_too_long(values):
    real = math.fsum(values) / len(values)
    assert real * (1 - 1e-9) <= histogram.mean(histogram.of(values)) <= real * 1.0101


def test_of_nothing_nothing_is_known():
    assert histogram.quantile([], 0.5) is None
    assert histogram.mean([]) is None
