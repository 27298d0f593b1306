"""The search for the knee ends, wherever the knee is, and what it finds is where the system was made to break."""

from hypothesis import given
from hypothesis import strategies as st

from chaos.judge.claims.knee import Step, carried, knee, next_rate

WITHIN = 0.1


def tried(capacity, rate):
    """A system that is well up to its capacity, and behind it has a queue for five seconds."""
    behind = max(0.0, rate - capacity)
    return Step(rate, min(rate, capacity), 0.01 if behind == 0 else 5 * behind / rate)


def search(capacity, first, exactness):
    steps = []
    while (rate := next_rate(steps, first, WITHIN, exactness)) is not None:
        steps.append(tried(capacity, rate))
        assert len(steps) < 60
    return steps


@given(st.floats(1, 100_000), st.floats(1, 100_000), st.floats(0.01, 0.3))
def test_the_knee_is_found_wherever_it_is_and_the_search_ends(capacity, first, exactness):
    steps = search(capacity, first, exactness)
    low, high = knee(steps, WITHIN)
    assert low <= high <= (1 + exactness) * low
    # What is just behind it is not yet seen in five seconds: 2 % are within what counts as in time.
    assert capacity / (1 + exactness) <= high
    assert low <= 1.03 * capacity


@given(st.floats(10, 10_000))
def test_no_rate_that_was_too_much_counts_as_carried(capacity):
    steps = search(capacity, capacity / 3, 0.05)
    low, _ = knee(steps, WITHIN)
    assert all(carried(step, WITHIN) for step in steps if step.offered <= low)


def test_a_rate_is_not_carried_with_answers_missing_late_or_failed():
    assert carried(Step(100, 99, 0.05), WITHIN)
    assert not carried(Step(100, 90, 0.05), WITHIN)
    assert not carried(Step(100, 100, 0.15), WITHIN)
    assert not carried(Step(100, 100, 0.05, failed=1), WITHIN)


def test_a_disturbed_step_lowers_the_knee_and_never_raises_it():
    steps = [Step(100, 100, 0.01), Step(150, 100, 2.0), Step(200, 200, 0.01)]
    assert knee(steps, WITHIN) == (100, 150)
    assert next_rate(steps, 50, WITHIN, 0.05) < 150


def test_without_a_rate_that_was_too_much_there_is_no_knee():
    assert knee([], WITHIN) is None
    assert knee([Step(100, 100, 0.01)], WITHIN) is None
    assert knee([Step(100, 10, 9.0)], WITHIN) is None
