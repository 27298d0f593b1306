"""The search for a knee: what it returns is what a judge finds in the loads that it left behind."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.claims import knee_search
from chaos.errors import SignalUnavailable
from chaos.judge.claims.knee_seen import knees
from tests.unit.chaos.judge.claim_seen import load, recording

NUMBERS = {"carried_within": 0.1, "exactness": 0.08, "step_seconds": 4.0}


class Served:
    """What a Bench is to a search, before a system of a known capacity."""

    def __init__(self, capacity, cpu_seconds=0.1):
        self.capacity, self.cpu_seconds, self.loads = capacity, cpu_seconds, []

    def number(self, name):
        return NUMBERS[name]

    def load(self, job, profile, **labels):
        (stage,) = profile
        behind = max(0.0, stage.rate - self.capacity) / stage.rate * stage.for_.in_seconds
        seen = load(labels, rate=stage.rate, seconds=stage.for_.in_seconds, took=0.01 + behind)
        self.loads.append(msgspec.structs.replace(seen, cpu_seconds=self.cpu_seconds))
        return [self.loads[-1]]


@settings(max_examples=30)
@given(st.floats(50, 5000), st.floats(50, 5000))
def test_what_is_found_is_what_a_judge_finds_in_the_loads(capacity, first):
    served = Served(capacity)
    found = knee_search.find(served, None, "zipf", 1, first)
    assert knees(recording("tiers", served.loads), "zipf", 0.1) == [found]
    # Requests are whole ones; 100 ms of a queue in four seconds are 2.5 %.
    assert 0.9 * capacity < found < 1.06 * capacity


def test_a_system_that_carries_anything_is_given_up():
    with pytest.raises(SignalUnavailable, match="no knee within"):
        knee_search.find(Served(float("inf")), None, "zipf", 1, 1.0)


def test_a_client_that_has_a_whole_core_to_do_finds_no_knee():
    with pytest.raises(SignalUnavailable, match="may be its own"):
        knee_search.find(Served(100, cpu_seconds=5.0), None, "zipf", 1, 90)
