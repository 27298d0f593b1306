"""Claim 3: every layer's answers are its own, what cannot be known is not said, and a slow layer deviates."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.judge.claims.layers import Layer, layer
from chaos.judge.claims.tiers import SHARES
from chaos.verdict.verdict import Outcome
from tests.unit.chaos.judge.claim_seen import judged, load, measured

TAGS = {
    "cache,shop; hit; ttl=3; detail=l1": Layer.HTTP,
    "cache,shop; fwd=miss": Layer.HTTP,
    "shop-2,shop; hit; ttl=3; detail=l1": Layer.MEMORY,
    "shop-1,shop; hit; ttl=0; detail=l2": Layer.REDIS,
    "shop-3,shop; fwd=miss": Layer.POSTGRES,
    "shop-3,shop; hit; ttl=-2; detail=l2": Layer.STALE,
    "shop-3,": Layer.OTHER,
    ",": Layer.OTHER,
}
SEARCH = [
    load({"search": "zipf", "round": "1"}, rate=400, took=0.01),
    load({"search": "zipf", "round": "1"}, rate=430, took=0.4),
]


def held(took=0.002, database=0.02, misses=10, rounds=3, **more):
    by_tag = {
        "cache,shop; fwd=miss": (100 - misses, 0.001),
        "shop-1,shop; hit; ttl=1; detail=l1": (100, took),
        "shop-1,shop; fwd=miss": (misses, database),
    }
    return [
        load({"share": share, "round": str(turn)}, by_tag=by_tag, **more) for turn in range(rounds) for share in SHARES
    ]


@pytest.mark.parametrize(("tag", "wanted"), TAGS.items())
def test_an_answer_says_which_layer_gave_it(tag, wanted):
    assert layer(tag) is wanted


def test_quick_caches_and_a_quick_database_hold():
    verdict = judged("tiers", [*SEARCH, *held()])
    assert verdict.outcome is Outcome.HELD
    assert verdict.pictures
    assert {one.name: one.value for one in verdict.measures}["knee"] == 400


@settings(max_examples=8)
@given(st.floats(0.11, 5))
def test_a_slow_cache_deviates_whatever_the_database_does(took):
    assert judged("tiers", [*SEARCH, *held(took=took)]).outcome is Outcome.DEVIATED


@settings(max_examples=8)
@given(st.floats(0.51, 5))
def test_a_slow_database_deviates_whatever_caches_do(took):
    assert judged("tiers", [*SEARCH, *held(database=took)]).outcome is Outcome.DEVIATED


@settings(max_examples=8)
@given(st.integers(1, 99))
def test_the_hit_ratio_is_what_did_not_come_from_postgres(misses):
    found = measured("tiers", [*SEARCH, *held(misses=misses)])["hit_ratio_at_95"]
    assert found.value == pytest.approx(1 - misses / 200)
    verdict = judged("tiers", [*SEARCH, *held(misses=misses)])
    assert (verdict.outcome is Outcome.HELD) == (misses <= 40)


@pytest.mark.parametrize(
    "facts", [[], SEARCH, [*SEARCH, *held(rounds=2)], [*SEARCH, *held(misses=0)], [*SEARCH, *held()[:-1]]]
)
def test_what_was_not_seen_is_not_held(facts):
    # No rounds, too few, a layer that never answered, or one round less of one share: 95 % of the knee.
    assert judged("tiers", facts).outcome is Outcome.INCONCLUSIVE


def test_failed_requests_at_a_rate_that_is_carried_deviate():
    assert judged("tiers", [*SEARCH, *held(failed=5)]).outcome is Outcome.DEVIATED
