"""Claim 2's numbers follow from wrk's rounds and from the probe beside them."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.claims.cached_rate import said
from chaos.errors import SignalUnavailable
from chaos.facts.claims.facts import ClaimStarted, Reading
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import cached_rate, judge
from chaos.spec.claims import claim as claims
from chaos.verdict.verdict import Outcome
from compose.settings import ROOT
from tests.unit.chaos.judge.test_claims_connections import load

CLAIM = claims.read(ROOT / "chaos/hypotheses/cached-rate.yaml")
STARTED = ClaimStarted(0.0, "cached-rate", 0.0, "abc", False, "a machine")
SAID = """Running 5s test @ http://127.0.0.1:18000/products/sku-0001
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   601.19us    1.02ms  21.80ms   93.10%
    Req/Sec   134.60k     6.10k  142.11k    82.00%
  673001 requests in 5.00s, 360.11MB read
{errors}Requests/sec: 134600.12
Transfer/sec:     72.01MB
"""


def probe(began=0.0, **changed):
    return msgspec.structs.replace(load("", 0, **changed), labels={"probe": "beside wrk"}, began=began)


def rounds(rates, errors=0, haproxy=1.2):
    for number, rate in enumerate(rates):
        labels = {"round": str(number)}
        yield Reading(1.0, "rate", rate, "requests/s", labels)
        yield Reading(1.0, "errors", errors, "requests", labels)
        for part, cores in (("haproxy", haproxy), ("wrk", 0.5)):
            yield Reading(1.0, "cpu", cores, "cores", labels | {"part": part})


def outcomes(*facts):
    found = judge.judge("cached-rate", ClaimRecording(CLAIM, (STARTED, *facts)), cached_rate)
    return {one.measure: one.outcome for one in found.bounds}


def measured(*facts):
    return {one.name: one for one in cached_rate.measures(ClaimRecording(CLAIM, (STARTED, *facts)))}


def test_what_holds_meets_every_bound():
    assert set(outcomes(*rounds([120_000] * 5), probe()).values()) == {Outcome.HELD}


@pytest.mark.parametrize(
    ("facts", "refuted"),
    [
        ((*rounds([4_000, 5_000, 4_500]), probe()), "rate"),
        ((*rounds([120_000] * 5, errors=1), probe()), "errors"),
        ((*rounds([120_000] * 5), probe(failed={"timeout": 1})), "probe_failed"),
        ((*rounds([120_000] * 5), probe(cached=0.12)), "probe_p99_ms"),
    ],
)
def test_each_bound_is_refuted_by_what_it_is_about(facts, refuted):
    assert [name for name, outcome in outcomes(*facts).items() if outcome is Outcome.DEVIATED] == [refuted]


def test_rounds_on_both_sides_of_the_bound_decide_nothing():
    assert outcomes(*rounds([90_000, 98_000, 103_000, 110_000]), probe())["rate"] is Outcome.INCONCLUSIVE


def test_a_probe_that_was_over_before_the_last_round_says_nothing():
    late = [*rounds([120_000] * 5), Reading(61.0, "rate", 120_000, "requests/s", {"round": "5"})]
    found = outcomes(*late, probe())
    assert {found["probe_failed"], found["probe_p99_ms"]} == {Outcome.INCONCLUSIVE}
    assert outcomes(*late, probe(began=2.0))["probe_p99_ms"] is Outcome.HELD


def test_without_rounds_or_probe_nothing_is_known():
    assert set(outcomes().values()) == {Outcome.INCONCLUSIVE}
    assert outcomes(*rounds([120_000] * 2), probe())["rate"] is Outcome.INCONCLUSIVE


@settings(max_examples=15)  # each draws thousands of times
@given(st.lists(st.floats(50_000, 500_000), min_size=3, max_size=8), st.floats(0.1, 2.0))
def test_cores_are_for_a_hundred_thousand(rates, cores):
    found = measured(*rounds(rates, haproxy=cores))["haproxy_cores"]
    assert cores * 1e5 / max(rates) - 1e-9 <= found.value <= cores * 1e5 / min(rates) + 1e-9
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize(
    ("errors", "number"),
    [
        ("", 0),
        ("  Socket errors: connect 1, read 2, write 3, timeout 4\n", 10),
        ("  Non-2xx or 3xx responses: 17\n", 17),
        ("  Socket errors: connect 0, read 2, write 0, timeout 0\n  Non-2xx or 3xx responses: 17\n", 19),
    ],
)
def test_wrk_is_understood(tmp_path, errors, number):
    log = tmp_path / "wrk.log"
    log.write_text(SAID.format(errors=errors))
    assert said(log) == (134600.12, number)


def test_a_wrk_that_says_no_rate_is_no_measurement(tmp_path):
    log = tmp_path / "wrk.log"
    log.write_text("unable to connect to 127.0.0.1:18000 Connection refused\n")
    with pytest.raises(SignalUnavailable, match="Connection refused"):
        said(log)
