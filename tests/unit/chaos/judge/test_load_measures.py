"""What is counted, of whom, and what is never concluded from nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.samples import Request, Tick
from chaos.judge.measures import (
    Phase,
    Second,
    by_phase,
    failed_ratio,
    most_frequent,
    per_second,
    phase_of,
    quantile,
    rate_held,
    rate_per_second,
    served_by,
    started_in,
    window,
)
from chaos.verdict.results import FrequentError


def request(at: float, took: float = 0.01, error: str | None = None, by: str | None = "shop-1") -> Request:
    return Request(at, took, "GET /products/{sku}", None if error else 200, error is None, error, by)


def ticks(*started: int | None, first: float = 1.3) -> list[Tick]:
    """One tick a second, None for a second without one."""
    return [Tick(first + n, 125, count, count, 0.0) for n, count in enumerate(started) if count is not None]


@pytest.mark.parametrize(
    ("at", "took", "phase"),
    [
        (8.0, 1.9, Phase.BEFORE),
        (8.0, 2.0, Phase.DURING),  # in flight when the fault came
        (10.0, 0.1, Phase.DURING),
        (19.9, 5.0, Phase.DURING),  # sent under the fault, failed long after it
        (20.0, 0.1, Phase.DURING),
        (20.1, 0.1, Phase.AFTER),
        (9.0, 20.0, Phase.DURING),  # in flight all through it
    ],
)
def test_a_request_belongs_to_the_fault_if_it_was_in_flight_at_any_time_of_it(at, took, phase):
    assert phase_of(request(at, took), 10.0, 20.0) is phase
    assert (request(at, took) in window([request(at, took)], 10.0, 20.0)) is (phase is Phase.DURING)


def test_every_request_is_in_one_phase():
    requests = [request(at / 2, 0.7) for at in range(60)]
    phases = by_phase(requests, 10.0, 20.0)
    assert sorted(one.at for phase in phases.values() for one in phase) == [one.at for one in requests]


def test_adjoining_spans_share_no_request():
    requests = [request(1.0), request(2.0), request(3.0)]
    assert [one.at for one in started_in(requests, 1.0, 2.0)] == [1.0]
    assert rate_per_second(requests, 1.0, 3.0) == 1.0


def test_failed_ratio_counts_every_request_that_was_not_ok():
    requests = [request(1), request(1), request(1, error="HTTP 404"), request(1, error="unfinished")]
    assert failed_ratio(requests) == 0.5


def test_nothing_has_neither_a_ratio_nor_a_quantile():
    assert failed_ratio([]) is None
    assert quantile([], 0.99) is None


@pytest.mark.parametrize(("q", "expected"), [(0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)])
def test_a_quantile_is_a_latency_that_some_user_had(q, expected):
    assert quantile([request(0, float(101 - took)) for took in range(1, 101)], q) == expected


def test_failed_requests_took_their_users_time_too():
    assert quantile([request(0), request(0, 2.0, "timed out")], 0.99) == 2.0


@pytest.mark.parametrize("q", [0, -0.1, 1.1, 99])
def test_a_quantile_is_a_share(q):
    with pytest.raises(ValueError, match="q: "):
        quantile([request(0)], q)


def test_served_by_counts_named_instances():
    requests = [request(0), request(1, by="shop-2"), request(2), request(3, error="timed out", by=None)]
    assert served_by(requests) == {"shop-1": 2, "shop-2": 1}


def test_per_second_rows_go_by_the_start_of_a_request():
    requests = [request(7.9, 3.0, "timed out"), request(5.0, 0.1), request(7.1, 0.2)]
    assert per_second(requests) == [Second(5, 1, 0, 0.1, 0.1), Second(7, 2, 1, 0.2, 3.0)]


def test_a_steady_load_held_its_rate():
    held = rate_held(ticks(*[50, 51, 49, 50, 50, 50, 49, 51]), 50, 0.5, 8.9)
    assert held
    assert held.missing_seconds == 0
    assert (held.lowest_per_second, held.highest_per_second) == (49.6, 50.0)


def test_one_late_tick_is_no_loss_of_load():
    assert rate_held(ticks(50, 50, 35, 65, 50, 50, 50), 50, 0.3, 7.3)


@pytest.mark.parametrize("count", [44, 56])
def test_a_load_more_than_a_tenth_off_has_not_held_it(count):
    assert not rate_held(ticks(*[count] * 20), 50, 0.3, 20.3)
    assert rate_held(ticks(*[count] * 20), 50, 0.3, 20.3, tolerance=0.2)


def test_a_stumble_cannot_hide_in_a_long_phase():
    started = [50] * 100
    started[40] = started[41] = 30  # 0.8 % of all requests, 16 % of five seconds'
    assert not rate_held(ticks(*started), 50, 0.3, 100.3)


@pytest.mark.parametrize(
    ("started", "missing"),
    [
        ([50, 50, None, 50, 50, 50, 50, 50], 1),
        ([None, None, 50, 50, 50, 50, 50, 50], 2),
        ([50, 50, 50, 50, 50, None, None, None], 3),
        ([50, None, None, 150, 50, 50, 50, 50], 2),
    ],
)
def test_missing_ticks_are_missing_load(started, missing):
    held = rate_held(ticks(*started), 50, 0.3, 8.3)
    assert not held
    assert held.missing_seconds == missing


@pytest.mark.parametrize("offset", [0.0, 0.2, 0.5, 0.999])
def test_parts_of_a_second_at_the_edges_are_not_missing(offset):
    assert rate_held(ticks(*[50] * 12), 50, 0.3 + offset, 11.3 + offset).missing_seconds == 0


@pytest.mark.parametrize(("since_the_last_tick", "missing"), [(0.9, 0), (1.4, 0), (1.6, 1), (2.1, 2)])
def test_the_next_tick_of_a_load_that_still_runs_may_be_on_its_way(since_the_last_tick, missing):
    assert rate_held(ticks(*[50] * 9), 50, 0.3, 9.3 + since_the_last_tick).missing_seconds == missing


def test_no_ticks_are_never_a_rate_held():
    assert not rate_held([], 50, 0, 10)
    assert rate_held([], 50, 0, 10).missing_seconds == 10
    assert not rate_held(ticks(50, 50), 50, 0.5, 1.0)


def even(rate, phase, seconds):
    """The ticks of an even load, the first of whose requests is due so far into the first second."""
    counts = [math.floor((end - phase) * rate) - math.floor((end - 1 - phase) * rate) for end in range(1, seconds + 1)]
    return ticks(*counts)


@given(st.floats(0.1, 4.0), st.floats(0.0, 1.0), st.integers(0, 100))
def test_a_rare_load_that_is_even_held_its_rate(rate, phase, more):
    seconds = math.ceil(20 / rate) + 2 + more
    assert rate_held(even(rate, phase, seconds), rate, 0.3, seconds + 0.3)


@given(st.floats(0.1, 4.0), st.floats(0.0, 1.0))
def test_one_that_lost_a_quarter_of_its_requests_or_stood_still_has_not(rate, phase):
    seconds = math.ceil(20 / rate) + 2
    assert not rate_held(even(0.75 * rate, phase, seconds), rate, 0.3, seconds + 0.3)
    assert not rate_held(ticks(*[0] * seconds), rate, 0.3, seconds + 0.3)


def test_the_most_frequent_error_is_told_with_how_many_had_it():
    assert most_frequent([request(0)]) is None
    seen = [request(0), *(request(at, error="timed out") for at in (1, 2)), request(3, error="HTTP 500")]
    assert most_frequent(seen) == FrequentError("timed out", 2, 3)
