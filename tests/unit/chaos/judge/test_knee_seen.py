"""A knee in a recording: which of a search's loads it is, and that the client's own limit is nobody's knee."""

from chaos.judge.claims.knee_seen import knee_of, knees
from tests.unit.chaos.judge.claim_seen import judged, load, recording

LABELS = {"search": "zipf", "round": "1"}


def test_the_highest_step_that_was_carried_is_the_knee():
    loads = [load(LABELS, rate=rate, took=0.01 if rate <= 200 else 3.0) for rate in (100, 200, 300, 220)]
    assert knee_of(loads, 0.1) == 200


def test_answers_that_came_well_but_after_the_end_count():
    (late,) = [load(LABELS, rate=200, seconds=4.0, took=0.09)]
    assert knee_of([late, load(LABELS, rate=210, took=2.0)], 0.1) == 200


def test_no_knee_where_the_client_had_a_whole_core_to_do():
    loads = [load(LABELS, rate=100), load(LABELS, rate=108, took=3.0, cpu_seconds=3.9)]
    assert knee_of(loads, 0.1) is None


def test_each_round_has_its_knee_and_one_without_is_left_out():
    rounds = [
        [load(LABELS | {"round": str(turn)}, rate=rate, took=0.01 if rate <= knee else 3.0) for rate in (100, 150, 200)]
        for turn, knee in enumerate((150, 1000, 100))
    ]
    seen = recording("tiers", [one for each in rounds for one in each])
    assert knees(seen, "zipf", 0.1) == [150, 100]


def test_a_client_that_was_late_in_a_search_is_no_finding_and_elsewhere_it_is():
    late = load({"share": "50"}, cpu_seconds=3.9)
    assert judged("tiers", [late]).findings
    assert not judged("tiers", [load(LABELS, cpu_seconds=3.9)]).findings
