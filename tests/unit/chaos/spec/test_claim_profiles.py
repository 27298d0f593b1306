"""When requests are due: as many as the rate says, evenly, with nothing lost between stages."""

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.spec.claims import profile
from chaos.spec.claims.profile import Stage
from chaos.spec.values import Duration, decode

seconds = st.integers(1, 40).map(lambda tenths: Duration(seconds=tenths / 10))
rates = st.integers(0, 300).map(float)
steps = st.builds(lambda length, rate: Stage(for_=length, rate=rate), seconds, rates)
ramps = st.builds(lambda length, rate, to: Stage(for_=length, rate=rate, to=to), seconds, rates, rates)
bursts = st.builds(lambda length, number: Stage(for_=length, at_once=number), seconds, st.integers(0, 50))
closed = st.builds(lambda length, number: Stage(for_=length, users=number), seconds, st.integers(1, 9))
profiles = st.lists(steps | ramps | bursts | closed, min_size=1, max_size=5)


def borders(stages):
    return [0.0, *itertools.accumulate(stage.for_.in_seconds for stage in stages)]


@given(profiles)
def test_requests_are_due_in_order_and_within_their_stage(stages):
    times = list(profile.due(stages))
    assert times == sorted(times)
    begins = borders(stages)
    assert all(begins[place] - 1e-6 <= at <= begins[place + 1] + 1e-6 for place, at in times)
    assert not any(stages[place].closed for place, _ in times)


@given(st.lists(steps | ramps, min_size=1, max_size=6))
def test_no_rounding_adds_up_over_many_stages(stages):
    due = sum(1 for _ in profile.due(stages))
    assert abs(due - sum(stage.requests for stage in stages)) <= 1


@given(ramps, st.floats(0.01, 1.0))
def test_at_any_moment_as_many_are_due_as_the_rate_has_grown_to(stage, share):
    moment = share * stage.for_.in_seconds
    due = sum(1 for _, at in profile.due([stage]) if at <= moment)
    slope = (stage.to - stage.rate) / stage.for_.in_seconds
    assert abs(due - (stage.rate * moment + slope * moment**2 / 2)) <= 1.001


@given(steps.filter(lambda stage: stage.rate))
def test_an_even_rate_is_even(stage):
    times = [at for _, at in profile.due([stage])]
    assert times[0] == 0
    assert all(math.isclose(b - a, 1 / stage.rate, rel_tol=1e-6) for a, b in itertools.pairwise(times))


def test_a_burst_is_due_at_once():
    stages = [Stage(for_=Duration(seconds=1), rate=10.0), Stage(for_=Duration(seconds=2), at_once=3)]
    assert [at for place, at in profile.due(stages) if place == 1] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "written",
    [
        {"for": "1s"},
        {"for": "1s", "rate": 1, "users": 1},
        {"for": "1s", "to": 5, "users": 1},
        {"for": "1s", "rate": -1},
        {"rate": 1},
    ],
)
def test_a_stage_is_of_one_kind(written):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(written, Stage, dec_hook=decode)
