"""Claim 8: what fails or stays slow after a death deviates, and the first share that is not absorbed is the result."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.verdict.verdict import Outcome
from tests.unit.chaos.judge.claim_seen import judged, load, measured, reading, second

SEARCH = [
    load({"search": "the rest", "round": "1"}, rate=400, took=0.05),
    load({"search": "the rest", "round": "1"}, rate=420, took=1.4),
]
KILLED_AT = 7.3


def death(share, after=0.05, failed=0, at_once=0.05, told=True):
    """One: quick until it happens, `at_once` in the two seconds after it, and `after` from then on."""
    took = [0.01] * 7 + [at_once] * 3 + [after] * 10
    seconds = [second(number, p99, failed=failed if number == 7 else 0) for number, p99 in enumerate(took)]
    seen = load({"share": share}, rate=100, seconds=20.0, failed=failed, per_second=seconds)
    return [seen, reading("killed_at", KILLED_AT, share=share)] if told else [seen]


def all_of(*deaths):
    return [*SEARCH, *(fact for one in deaths for fact in one)]


def test_what_is_absorbed_up_to_where_it_is_not():
    facts = all_of(death("60"), death("80"), death("95", at_once=2.0), death("110", after=3.0), death("125", after=5.0))
    assert judged("absorb", facts).outcome is Outcome.HELD
    found = measured("absorb", facts)
    assert (found["rest_carries"].value, found["absorbed_up_to"].value, found["not_absorbed_from"].value) == (
        400,
        95,
        110,
    )
    # The three seconds in which HAProxy had not yet seen it are told, and judged only once it should have.
    assert found["slow_seconds_at_95"].value == 3


@pytest.mark.parametrize("share", ["60", "80", "95"])
@settings(max_examples=8)
@given(st.floats(0.26, 10))
def test_users_who_go_on_waiting_deviate_at_each_share(share, after):
    deaths = [death(one, after=after if one == share else 0.05) for one in ("60", "80", "95")]
    assert judged("absorb", all_of(*deaths)).outcome is Outcome.DEVIATED


@pytest.mark.parametrize("share", ["60", "80", "95"])
@settings(max_examples=8)
@given(st.integers(3, 100))
def test_requests_that_fail_deviate_at_each_share(share, failed):
    deaths = [death(one, failed=failed if one == share else 0) for one in ("60", "80", "95")]
    assert judged("absorb", all_of(*deaths)).outcome is Outcome.DEVIATED


@pytest.mark.parametrize("missing", ["60", "80", "95"])
def test_a_death_that_nobody_saw_is_not_absorbed(missing):
    deaths = [death(one, told=one != missing) for one in ("60", "80", "95")]
    assert judged("absorb", all_of(*deaths)).outcome is Outcome.INCONCLUSIVE


def test_seconds_in_which_nobody_is_answered_do_not_pass_for_good_ones():
    seconds = [second(number, 0.01 if number < 7 else None, 0 if number >= 7 else 100, 100) for number in range(20)]
    dead = [load({"share": "60"}, seconds=20.0, failed=1300, per_second=seconds), reading("killed_at", 7.0, share="60")]
    assert judged("absorb", all_of(dead, death("80"), death("95"))).outcome is Outcome.DEVIATED
    assert measured("absorb", all_of(dead))["not_absorbed_from"].value == 60
