"""Claim 9: the knee that follows from costs is compared with the measured one, and 30 µs more a request are seen."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.judge.claims.capacity import OURS
from chaos.judge.claims.layers import Layer
from chaos.verdict.verdict import Outcome
from tests.unit.chaos.judge.claim_seen import judged, load, measured, reading

COSTS = {"haproxy": (10, 15, 15, 20), "shop": (0, 130, 250, 600), "redis": (0, 0, 20, 40),
         "toxiproxy": (0, 0, 30, 80), "postgres": (0, 0, 0, 200)}  # fmt: skip
LAYERS = (Layer.HTTP, Layer.MEMORY, Layer.REDIS, Layer.POSTGRES)
TAG = {
    Layer.HTTP: "cache,",
    Layer.MEMORY: "shop-1,shop; hit; ttl=1; detail=l1",
    Layer.REDIS: "shop-1,shop; hit; ttl=1; detail=l2",
    Layer.POSTGRES: "shop-1,shop; fwd=miss",
}
KINDS = {"http": (0.99, 0.01, 0, 0), "memory": (0, 0.98, 0.01, 0.01), "redis": (0, 0.1, 0.6, 0.3),
         "postgres": (0, 0.01, 0.04, 0.95)}  # fmt: skip
MIX = (0.25, 0.55, 0.1, 0.1)
IDLE = 0.02
CLIENT_US = 60
COUNT, SECONDS = 8000, 8.0


def cost_us(shares, more=0.0):
    ours = {name: sum(share * cost for share, cost in zip(shares, each, strict=True)) for name, each in COSTS.items()}
    return ours | {"shop": ours["shop"] + more}


def run(label, kind, turn, shares, more=0.0, noise=0.01, chance=random):
    labels = {label: kind, "round": str(turn)}
    by_tag = {TAG[layer]: (round(COUNT * share), 0.004) for layer, share in zip(LAYERS, shares, strict=True) if share}
    count = sum(number for number, _ in by_tag.values())
    seen = load(labels, rate=count / SECONDS, seconds=SECONDS, by_tag=by_tag, cpu_seconds=CLIENT_US * 1e-6 * count)
    took = {name: each * 1e-6 * count * (1 + chance.gauss(0, noise)) for name, each in cost_us(shares, more).items()}
    whole = sum(took.values()) + seen.cpu_seconds
    cpu = {name: one + IDLE * SECONDS for name, one in took.items()} | {"machine": whole + 0.3 * SECONDS}
    return [seen, *(reading("cpu", value, **labels, program=name) for name, value in cpu.items())]


def search(knee, turn):
    tags = {TAG[layer]: (round(COUNT * share), 0.004) for layer, share in zip(LAYERS, MIX, strict=True)}
    labels = {"search": "mix", "round": str(turn)}
    return [
        load(labels, rate=COUNT / (COUNT / knee), seconds=COUNT / knee, by_tag=tags, cpu_seconds=0.1),
        load(labels, rate=1.05 * knee, took=2.0),
    ]


def seen(knee_by_the_model=1.0, more=0.0, rounds=3, seed=1):
    chance = random.Random(seed)
    knee = knee_by_the_model * (0.95 * 2 - 0.3) / ((sum(cost_us(MIX).values()) + CLIENT_US) * 1e-6)
    facts = [reading("cores", 2), reading("idle", 0.3, program="machine")]
    facts += [reading("idle", IDLE, program=name) for name in OURS]
    for turn in range(rounds):
        for kind, shares in KINDS.items():
            facts += run("cost", kind, turn, shares, chance=chance)
        facts += [*search(knee, turn), *run("check", "mix", turn, MIX, more, chance=chance)]
    return facts


@settings(max_examples=4)
@given(st.floats(0.92, 1.08), st.integers(0, 50))
def test_a_knee_that_is_where_it_should_be_holds(times, seed):
    verdict = judged("capacity", seen(times, seed=seed))
    assert verdict.outcome is Outcome.HELD, [(one.name, one.seen) for one in verdict.bounds]
    assert verdict.pictures


@settings(max_examples=4)
@given(st.sampled_from([0.6, 0.75, 1.3, 1.8]), st.integers(0, 50))
def test_a_knee_that_is_elsewhere_deviates(times, seed):
    assert judged("capacity", seen(times, seed=seed)).outcome is Outcome.DEVIATED


@settings(max_examples=4)
@given(st.floats(30, 200), st.integers(0, 50))
def test_thirty_microseconds_more_a_request_deviate(more, seed):
    assert judged("capacity", seen(more=more, seed=seed)).outcome is Outcome.DEVIATED


def test_what_a_hundred_thousand_a_second_take_follows_from_costs_and_mix():
    found = measured("capacity", seen())
    ours = sum(cost_us(MIX).values())
    assert found["cores"].low <= 1e5 * ours * 1e-6 / 0.7 <= found["cores"].high
    assert found["memory_us"].value == pytest.approx(145, rel=0.05)
    assert found["postgres_us"].value == pytest.approx(940, rel=0.05)
    assert found["shop_workers"].value == pytest.approx(1e5 * cost_us(MIX)["shop"] * 1e-6 / 0.7, rel=0.05)
    # Little's law: 4 ms each, and 10 ms where no layer is told apart.
    assert found["requests_in_flight"].value == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("without", ["idle", "cpu", "cores", "search", "check", "cost"])
def test_what_was_not_measured_is_not_held(without):
    facts = [one for one in seen() if getattr(one, "name", "") != without and without not in one.labels]
    assert judged("capacity", facts).outcome is Outcome.INCONCLUSIVE


def test_two_rounds_are_too_few():
    assert judged("capacity", seen(rounds=2)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("apart", [0.0, 0.1])
def test_a_prediction_is_no_better_known_than_the_knee_it_is_held_against(apart):
    # The knees of three rounds, each by a search of its own.
    facts = [one for one in seen() if "search" not in getattr(one, "labels", {})]
    (middle,) = {one.value for one in measured("capacity", seen()).values() if one.name == "knee"}
    for turn, times in enumerate((1 - apart, 1.0, 1 + apart)):
        facts += search(times * middle, turn)
    found = measured("capacity", facts)
    off, knee = found["prediction_off_by"], found["knee"]
    assert off.high - off.low >= 0.99 * (1 + off.value) * (knee.high - knee.low) / knee.value
    assert (off.high - off.low > 0.3) == (apart > 0)
