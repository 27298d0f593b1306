"""The capacity model: costs that loads were made with are found again, and what it predicts is what they pay for."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.judge.claims.capacity_model import LAYERS, Ran, a_request, costs, highest_rate, resampled
from chaos.judge.claims.layers import Layer

cost = st.floats(1e-6, 2e-3)
tables = st.fixed_dictionaries(
    {program: st.fixed_dictionaries(dict.fromkeys(LAYERS, cost)) for program in ("haproxy", "shop", "postgres")}
)
# As the four loads of the claim are: near to one layer each, and none quite.
KINDS = {
    "http": {Layer.HTTP: 0.99, Layer.MEMORY: 0.01},
    "memory": {Layer.MEMORY: 0.97, Layer.REDIS: 0.02, Layer.POSTGRES: 0.01},
    "redis": {Layer.MEMORY: 0.2, Layer.REDIS: 0.5, Layer.POSTGRES: 0.3},
    "postgres": {Layer.REDIS: 0.05, Layer.POSTGRES: 0.95},
}


def ran(table, noise=0.0, rounds=3, seed=0, more=0.0):
    chance = random.Random(seed)
    return [
        Ran(
            kind,
            shares,
            {
                program: (sum(shares.get(layer, 0) * by_layer[layer] for layer in LAYERS) + more)
                * (1 + chance.gauss(0, noise))
                for program, by_layer in table.items()
            },
        )
        for _ in range(rounds)
        for kind, shares in KINDS.items()
    ]


@settings(max_examples=10)
@given(tables)
def test_without_noise_the_costs_are_found_again_and_every_draw_finds_the_same(table):
    runs = ran(table)
    found = costs(runs)
    for program, by_layer in table.items():
        assert found[program] == pytest.approx(by_layer, rel=1e-6, abs=1e-12)
    assert all(again["shop"] == pytest.approx(found["shop"], rel=1e-6) for again in resampled(runs)[:20])


@given(tables, st.floats(0.1, 64), st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(sum))
def test_the_highest_rate_costs_as_many_cores_as_there_are(table, cores, weights):
    shares = {layer: weight / sum(weights) for layer, weight in zip(LAYERS, weights, strict=True)}
    rate = highest_rate(table, shares, cores)
    assert rate * a_request(table, shares) == pytest.approx(cores)
    parts = [a_request(table, shares, [program]) for program in table]
    assert sum(parts) == pytest.approx(a_request(table, shares))


def test_thirty_microseconds_more_a_request_are_seen_through_two_percent_of_noise():
    table = {
        "haproxy": dict.fromkeys(LAYERS, 10e-6),
        "shop": {Layer.HTTP: 0.0, Layer.MEMORY: 150e-6, Layer.REDIS: 300e-6, Layer.POSTGRES: 900e-6},
    }
    plain, slower = ran(table, 0.02, seed=1), ran(table, 0.02, seed=2, more=15e-6)
    mix = KINDS["memory"]
    highest = max(a_request(one, mix) for one in resampled(plain))
    assert a_request(costs(slower), mix) - highest > 15e-6


def test_where_loads_do_not_tell_layers_apart_nothing_is_known():
    table = {"shop": dict.fromkeys(LAYERS, 1e-4)}
    assert costs([]) is None
    assert costs([one for one in ran(table) if one.kind in ("http", "memory")]) is None
