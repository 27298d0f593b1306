"""Claims 5, 6 and 7 by made-up recordings: what holds them, and that each thing which refutes them does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.facts.claims import histogram
from chaos.judge.claims import pooling, smaller, waits
from chaos.judge.claims.judge import judge
from chaos.verdict.verdict import Outcome
from tests.unit.chaos.claims.made_up import load, reading
from tests.unit.chaos.claims.made_up import recording as made_up

few = settings(max_examples=8, deadline=None)
"""Each makes intervals of a thousand draws, of which there are a dozen in a verdict."""
SIZES = {"100 products": 8000, "100, gzip": 1000, "100, one field": 2500, "20 products": 1600, "all": 80000}
COSTS = {"100 products": 0.04, "100, gzip": 0.041, "100, one field": 0.06, "20 products": 0.03, "all": 0.1}


def smaller_facts(sizes=SIZES, costs=COSTS, rounds=5):
    for variant, size in sizes.items():
        for number in ("warm-up", *map(str, range(1, rounds + 1))):
            labels = {"variant": variant, "round": number}
            yield load(labels=labels, body_bytes=100 * size)
            yield reading("cpu", costs[variant] * (50 if number == "warm-up" else 1), **labels)


def of(name, facts, reader):
    return judge(name, made_up(name, *facts), reader)


def broken(verdict):
    return {one.measure for one in verdict.bounds if one.outcome is Outcome.DEVIATED}


def test_smaller_answers_hold():
    verdict = of("smaller", smaller_facts(), smaller)
    assert verdict.outcome is Outcome.HELD, verdict.bounds
    assert {one.name: one.value for one in verdict.measures}["gzip_saves"] == pytest.approx(0.875)


@few
@given(st.floats(0.31, 3.0), st.floats(0.06, 1.0), st.floats(0.51, 1.0))
def test_what_is_not_smaller_deviates(gzipped, paged, chosen):
    sizes = SIZES | {"100, gzip": 8000 * gzipped, "20 products": 80000 * paged, "100, one field": 8000 * chosen}
    assert broken(of("smaller", smaller_facts(sizes), smaller)) == {"gzip_saves", "page_share", "field_share"}


@few
@given(st.floats(0.51, 5.0))
def test_what_does_not_cost_less_deviates(page):
    costs = COSTS | {"20 products": 0.1 * page}
    assert broken(of("smaller", smaller_facts(costs=costs), smaller)) == {"page_cpu"}


def test_two_rounds_say_nothing_of_cpu():
    assert of("smaller", smaller_facts(rounds=2), smaller).outcome is Outcome.INCONCLUSIVE


def test_answers_that_failed_have_no_size():
    facts = [*smaller_facts(), load(labels={"variant": "all", "round": "6"}, failed={"status 503": 1})]
    assert of("smaller", facts, smaller).outcome is Outcome.INCONCLUSIVE


def waits_facts(awaits=2000.0, blocking=10.0, shop=300.0, shop_blocking=9.0, missing=0):
    ways = {("waits", "await"): awaits, ("waits", "threads"): 400.0, ("waits", "blocking"): blocking}
    ways |= {("shop", "await"): shop, ("shop", "blocking"): shop_blocking}
    for (part, way), rate in ways.items():
        for number in range(3):
            lost = missing if (part, way, number) == ("waits", "await", 0) else 0
            lasted = max((1000 - lost) / rate, 0.001)
            yield load(
                labels={"part": part, "way": way, "round": str(number)}, answered=1000 - lost, lasted=lasted,
                failed={"timeout": lost} if lost else {},
            )  # fmt: skip


def test_waiting_together_holds():
    assert of("waits", waits_facts(), waits).outcome is Outcome.HELD


@few
@given(st.floats(0.1, 9.9))
def test_waiting_one_after_the_other_deviates(times):
    assert broken(of("waits", waits_facts(awaits=10.0 * times), waits)) == {"await_gain"}
    assert broken(of("waits", waits_facts(shop=9.0 * times), waits)) == {"shop_gain"}


@few
@given(st.integers(1, 999))
def test_one_that_is_not_answered_deviates(missing):
    assert "await_answered" in broken(of("waits", waits_facts(missing=missing), waits))


def test_nobody_blocked_in_time_says_nothing_of_how_many_times():
    facts = [
        load(labels=one.labels, answered=0, failed={"timeout": 1000}) if one.labels["way"] == "blocking" else one
        for one in waits_facts()
    ]
    assert of("waits", facts, waits).outcome is Outcome.INCONCLUSIVE


def pooling_facts(opened=0, most=48, failed=0, failed_without=200, cpu_without=0.5):
    for pools in ("pool", "none"):
        none = pools == "none"
        for part in ("reads", "crowd"):
            for number in range(5):
                lost = (failed_without if none else failed) if (part, number) == ("crowd", 0) else 0
                labels = {"pools": pools, "part": part, "round": str(number)}
                yield load(labels=labels, sent=300, answered=300 - lost, failed={"status 503": lost} if lost else {})
                yield reading("cpu", cpu_without if none else 0.2, **labels)
            yield reading("opened", 1500 if none else opened, pools=pools, part=part)
        yield reading("most", 118 if none else most, pools=pools)
    yield reading("limit", 120)


def test_pools_hold():
    assert of("pooling", pooling_facts(), pooling).outcome is Outcome.HELD


@pytest.mark.parametrize(
    ("what", "measure"),
    [
        ({"opened": 1500}, "opened_a_read"),
        ({"most": 51}, "most_connections"),
        ({"failed": 1}, "failed"),
        ({"failed_without": 0}, "failed_without"),
        ({"cpu_without": 0.25}, "cpu_without"),
    ],
)
def test_each_refutes_pools(what, measure):
    assert broken(of("pooling", pooling_facts(**what), pooling)) == {measure}


def test_what_was_not_counted_is_not_held():
    facts = [one for one in pooling_facts() if getattr(one, "name", "") != "opened"]
    assert of("pooling", facts, pooling).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("name", "facts", "reader"),
    [("smaller", smaller_facts(), smaller), ("waits", waits_facts(), waits), ("pooling", pooling_facts(), pooling)],
)
def test_the_same_recording_gives_the_same_verdict(name, facts, reader):
    seen = made_up(name, *facts)
    assert judge(name, seen, reader) == judge(name, seen, reader)


def test_a_client_that_was_late_takes_every_verdict_back():
    facts = [*pooling_facts(most=51), load(lag=histogram.of([1.0] * 100))]
    assert of("pooling", facts, pooling).outcome is Outcome.INCONCLUSIVE
