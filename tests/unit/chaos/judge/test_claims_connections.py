"""Claim 1's numbers follow from what was recorded, and a phase that was not disturbed gives none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import ClaimStarted, LoadSeen, Reading, SecondSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import connections, judge
from chaos.spec.claims import claim as claims
from chaos.verdict.verdict import Outcome
from compose.settings import ROOT

CLAIM = claims.read(ROOT / "chaos/hypotheses/connections.yaml")
EACH = 16_667
STARTED = ClaimStarted(0.0, "connections", 0.0, "abc", False, "a machine")
KINDS = st.dictionaries(
    st.sampled_from(["refused", "reset", "closed", "not connected", "closed while idle", "timeout", "status 503"]),
    st.integers(1, 50),
    max_size=4,
)


def load(phase, client, *, held=EACH, answered=2 * EACH, failed=None, cached=0.005, tag="cache"):
    times = [(histogram.bucket(cached), answered)]
    return LoadSeen(
        1.0,
        labels={"phase": phase, "client": str(client)},
        profile="held",
        stage=0,
        began=0.0,
        seconds=60.0,
        lasted=60.0,
        sent=answered,
        answered=answered,
        failed=failed or {},
        latencies=times,
        service=times,
        by_tag={tag: times},
        lag=[(1, 10)],
        cpu_seconds=10.0,
        connections=held,
        body_bytes=0,
        head_bytes=0,
    )


def acted():
    return [
        *(Reading(1.0, "disturbed", 35.0, "s", {"phase": phase}) for phase in ("kill", "restart", "slow-postgres")),
        Reading(1.0, "killed", 1.0),
        *(Reading(1.0, "restarted", 1.0, labels={"instance": str(number)}) for number in range(5)),
        Reading(1.0, "order_read", 0.31),
    ]


def all_loads(**changed):
    return [
        load(phase, client, **changed.get(phase.replace("-", "_"), {}))
        for phase in ("ramp", "hold", "kill", "restart", "slow-postgres")
        for client in range(6)
    ]


def recording(facts):
    return ClaimRecording(CLAIM, (STARTED, *facts))


def measured(facts):
    return {one.name: one.value for one in connections.measures(recording(facts))}


def outcomes(facts):
    found = judge.judge("connections", recording(facts), connections)
    return {one.measure: one.outcome for one in found.bounds}


def test_what_holds_in_all_phases_meets_every_bound():
    assert set(outcomes([*all_loads(), *acted()]).values()) == {Outcome.HELD}


@pytest.mark.parametrize(
    ("changed", "refuted"),
    [
        ({"hold": {"held": EACH - 1}}, "held"),
        ({"ramp": {"failed": {"refused": 1}}}, "lost"),
        ({"hold": {"failed": {"closed while idle": 1}}}, "lost"),
        ({"ramp": {"failed": {"timeout": 1}}}, "unanswered"),
        ({"hold": {"answered": EACH}}, "asks_a_connection"),
        ({"hold": {"cached": 0.2}}, "cached_p99_ms"),
        ({"kill": {"held": EACH - 1}}, "kill_held"),
        ({"kill": {"failed": {"reset": 1}}}, "kill_lost"),
        ({"restart": {"failed": {"status 503": 1}}}, "restart_unanswered"),
        ({"slow_postgres": {"cached": 0.11}}, "slow_postgres_cached_p99_ms"),
    ],
)
def test_each_bound_is_refuted_by_what_it_is_about(changed, refuted):
    found = outcomes([*all_loads(**changed), *acted()])
    assert [name for name, outcome in found.items() if outcome is Outcome.DEVIATED] == [refuted]


@given(ramp=KINDS, hold=KINDS)
def test_every_failure_is_a_connections_or_a_requests(ramp, hold):
    facts = [load("ramp", 0, failed=ramp), *(load("hold", client) for client in range(5)), load("hold", 5, failed=hold)]
    found = measured(facts)
    assert found["lost"] + found["unanswered"] == sum(ramp.values()) + sum(hold.values())
    assert found["unanswered"] == sum(each.get(kind, 0) for each in (ramp, hold) for kind in ("timeout", "status 503"))


@pytest.mark.parametrize("missing", ["killed", "restarted", "order_read", "disturbed"])
def test_what_was_not_disturbed_says_nothing(missing):
    facts = [*all_loads(), *(one for one in acted() if one.name != missing)]
    found = outcomes(facts)
    about = {"killed": "kill", "restarted": "restart", "order_read": "slow_postgres"}.get(missing, "")
    unknown = {name for name, outcome in found.items() if outcome is Outcome.INCONCLUSIVE}
    assert unknown == {name for name in found if name.startswith(about or ("kill", "restart", "slow"))}


def test_connections_that_were_gone_before_a_disturbance_do_not_make_it_absorbed():
    gone = {phase: {"held": 0, "answered": 0} for phase in ("hold", "kill", "restart", "slow_postgres")}
    found = outcomes([*all_loads(**gone), *acted()])
    assert {found[f"{phase}_held"] for phase in ("kill", "restart", "slow_postgres")} == {Outcome.DEVIATED}


def test_a_postgres_that_was_not_slow_says_nothing_of_a_slow_one():
    facts = [*all_loads(), *(one for one in acted() if one.name != "order_read"), Reading(1.0, "order_read", 0.02)]
    assert outcomes(facts)["slow_postgres_lost"] is Outcome.INCONCLUSIVE


@given(answered=st.integers(0, 5))
def test_a_client_of_which_nothing_is_known_leaves_the_claim_open(answered):
    found = outcomes([load("hold", client) for client in range(answered)])
    assert set(found.values()) == {Outcome.INCONCLUSIVE}


def test_answers_that_no_cache_gave_are_not_the_caches():
    slow = [load("hold", client, tag="shop-1", cached=2.0) for client in range(6)]
    assert "cached_p99_ms" not in measured(slow)
    assert measured(slow)["p99_ms"] > 1000


@given(second=st.integers(0, 69), client=st.integers(0, 5))
def test_it_broke_at_the_first_failure_of_all_clients(second, client):
    quiet, broken = SecondSeen(0, 10, 0, 0.1, 0.1, 0.1), SecondSeen(second, 10, 1, 0.1, 0.1, 0.1)
    ramp = [
        msgspec.structs.replace(load("ramp", one), per_second=[quiet, *([broken] if one == client else [])])
        for one in range(6)
    ]
    holds = [load("hold", one) for one in range(6)]
    assert measured([*ramp, *holds])["broke_at"] == pytest.approx(100_000 * second / 70)
    assert measured(holds)["broke_at"] == 100_000


def test_memory_is_a_connections():
    read = [Reading(1.0, "memory", 6 * EACH * 1500.0, "bytes", {"part": part}) for part in ("client", "haproxy")]
    found = measured([*(load("hold", one) for one in range(6)), *read])
    assert (found["client_bytes"], found["haproxy_bytes"]) == (1500, 1500)


def test_the_pictures_are_of_what_was_seen():
    assert [one.title for one in connections.pictures(recording([]))] == []
    read = [Reading(1.0, "memory", 1e8, "bytes", {"part": "kernel"})]
    assert len(list(connections.pictures(recording([*all_loads(), *read])))) == 2
