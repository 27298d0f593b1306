"""A round's score: each part beside its par, and both from what was recorded."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.game import (
    Acknowledged,
    Acted,
    Answered,
    Asked,
    Claimed,
    HintGiven,
    HoldEnded,
    InjectTold,
    Paged,
    RoundBegan,
    RunbookOpened,
    TruthShown,
)
from chaos.facts.panels import PanelHistory, PanelsAsked, PanelSeries
from chaos.facts.samples import Request
from chaos.judge.round_score import score
from chaos.spec.gameday.truth import Truth
from tests.unit.recordings import BASELINE, END, INJECTED, RATE, facts, recording

TRUTH = Truth(frozenset({("shop-2", "process"), ("redis", "redis")}), "shop-2 was killed")
PAGE = Paged(1, 14.0, "pager", True, ["Down"], "", "https://book", 13.0)


def users(hurt=(), slow=()):
    """Users' requests, of which those sent within `hurt` fail, and those within `slow` take a second."""
    sent = [index / RATE for index in range(int(BASELINE * RATE), int(END * RATE))]
    within = lambda at, span: bool(span) and span[0] <= at < span[1]  # noqa: E731
    return tuple(
        Request(at, 1.0 if within(at, slow) else 0.01, "POST /orders", 503 if within(at, hurt) else 201,
                not within(at, hurt), None, "shop-1")
        for at in sent
    )  # fmt: skip


def scored(*game, **changes):
    numbered = [msgspec.structs.replace(fact, number=place) for place, fact in enumerate(game, 1)]
    pages = {fact.number: place for place, fact in enumerate(game, 1) if isinstance(fact, Paged)}
    told = [
        msgspec.structs.replace(fact, page=pages[fact.page]) if isinstance(fact, Acknowledged | RunbookOpened) else fact
        for fact in numbered
    ]
    asked = {fact.number: place for place, fact in enumerate(game, 1) if isinstance(fact, InjectTold)}
    answered = [
        msgspec.structs.replace(fact, inject=asked[fact.inject]) if isinstance(fact, Answered) else fact
        for fact in told
    ]
    return score(recording(**changes), answered, TRUTH)


def part(found, name):
    return next(one for one in found.parts if one.name == name)


def claim(at, component="shop-2", family="process", confidence=0.8, who="Ann"):
    return Claimed(9, at, who, component, family, confidence)


def test_users_who_are_never_hurt_need_no_mitigation():
    found = scored()
    assert (found.hurt, part(found, "mitigate").value, part(found, "harm").value) == (None, None, 0.0)
    assert "never hurt" in part(found, "mitigate").words


def test_users_are_hurt_from_the_first_look_that_breaks_a_bound_until_none_does():
    found = scored(requests=users(hurt=(12.0, 18.0)))
    assert found.hurt == pytest.approx(12.0 - INJECTED, abs=1.5)
    assert part(found, "mitigate").value == pytest.approx(18.0 - INJECTED, abs=1.5)
    assert part(found, "mitigate").par == found.hurt
    harm = part(found, "harm")
    assert harm.value == 6 * RATE
    assert f"{6 * RATE} of them writes" in harm.words


@given(st.integers(1, 10), st.sampled_from([99.0, 99.9, 99.99]))
def test_what_failed_is_told_in_the_error_budget_of_a_month(seconds, objective):
    began = RoundBegan(1, 0.0, 0.0, 0.0, "c", 1200.0, 120.0, "", [], [], [], {}, [], 6.0, objective)
    found = part(scored(began, requests=users(hurt=(12.0, 12.0 + seconds))), "budget")
    allowed_seconds = 30 * 86400 * (1 - objective / 100)  # at the same rate, nothing of which succeeds
    assert found.value == pytest.approx(100 * seconds / allowed_seconds, rel=0.02, abs=0.01)
    assert f"{objective:g} %" in found.words


def test_who_names_no_objective_has_no_budget():
    assert not [one for one in scored(requests=users(hurt=(12.0, 18.0))).parts if one.name == "budget"]


def test_users_who_are_not_well_at_the_end_were_not_helped():
    assert part(scored(requests=users(hurt=(12.0, END))), "mitigate").value is None


def test_the_page_is_par_for_who_takes_it_and_the_gap_is_the_alerts():
    found = scored(PAGE, Acknowledged(2, 20.0, "Ann", 1), requests=users(hurt=(10.0, 20.0)))
    acknowledge = part(found, "acknowledge")
    assert (acknowledge.value, acknowledge.par) == (20.0 - INJECTED, 13.0 - INJECTED)
    assert "1 of 1 pages were taken" in acknowledge.words
    assert any("after users began to hurt" in gap for gap in found.gaps)
    assert "no runbook was opened" in found.gaps
    assert "no runbook was opened" not in scored(PAGE, RunbookOpened(2, 15.0, "Ann", 1)).gaps


def test_hurt_users_and_no_page_are_a_gap():
    silent = tuple(fact for fact in facts() if not (hasattr(fact, "receiver") and getattr(fact, "alerts", None)))
    found = scored(requests=users(hurt=(10.0, 20.0)), facts=silent)
    assert "users were hurt, and nobody was paged" in found.gaps


def test_a_right_claim_names_one_of_the_faults_in_both():
    game = (
        claim(11.0, "shop-1", "process"),
        claim(12.0, "shop-2", "network"),
        claim(13.0, "redis", "process"),
        claim(15.0, "redis", "redis"),
        claim(16.0),
    )
    found = scored(*game)
    assert [one.right for one in found.claims] == [False, False, False, True, True]
    assert part(found, "diagnose").value == 15.0 - INJECTED


def test_a_guess_before_the_fault_is_no_diagnosis():
    assert part(scored(claim(INJECTED - 1)), "diagnose").value is None


@given(st.lists(st.tuples(st.floats(10, 30), st.sampled_from(["shop-1", "shop-2"]), st.floats(0, 1)), max_size=6))
def test_of_each_person_the_last_claim_counts(made):
    found = scored(*(claim(at, component, confidence=sure) for at, component, sure in made))
    if not made:
        assert found.brier == {}
        return
    _, component, sure = made[-1]
    off = (1 - sure) ** 2 if component == "shop-2" else 1 + sure**2
    assert found.brier["Ann"] == pytest.approx(off / 2, abs=1e-4)
    assert 0 <= found.brier["Ann"] <= 1


def test_nothing_that_was_claimed_after_the_truth_was_shown_counts():
    found = scored(claim(12.0, "shop-1"), TruthShown(3, 13.0, "Ann"), claim(14.0, confidence=1.0))
    assert part(found, "diagnose").value is None
    assert found.brier == {"Ann": 0.82}
    other = scored(TruthShown(3, 13.0, "Bob"), claim(14.0, confidence=1.0))
    assert other.brier == {"Ann": 0.0}, "somebody else looked"


def test_answers_count_when_they_come_in_time():
    asked = [InjectTold(number, 12.0, "sales", "?", 10.0) for number in (5, 6, 7)]
    game = (
        *asked,
        InjectTold(8, 12.0, "sales", "!", None),
        Answered(9, 20.0, "A", 5, "x"),
        Answered(9, 23.0, "A", 6, "x"),
    )
    found = part(scored(*game), "communicate")
    assert (found.value, found.par) == (1.0, 3.0)


def test_what_was_done_first_is_when_it_was_noticed():
    found = scored(Asked(2, 9.0, "Ann", "restart x"), claim(17.0), PAGE, Acknowledged(2, 20.0, "Ann", 1))
    assert part(found, "detect").value == 17.0 - INJECTED, "what came before the fault was for something else"
    assert part(found, "detect").par == 13.0 - INJECTED


def test_hints_and_what_did_not_help_are_told():
    found = scored(HintGiven(2, 12.0, 1, "x"), HintGiven(3, 13.0, 2, "y"), Acted(4, 14.0, 1, False, "no"),
                   HoldEnded(5, 20.0, "limit", None))  # fmt: skip
    assert (found.hints, found.ended) == (2, "limit")
    assert any("1 of the actions" in gap for gap in found.gaps)


def panel(*values, moves_with=("process.kill shop",)):
    line = PanelSeries("A", {}, [float(value) for value in values])
    return PanelHistory(END, "shop", "Errors", list(moves_with), 1.0, [line])


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        ([5, 5, 5, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], 4.0),
        ([5, 9, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], None),  # for one step only
        ([5] * 15, None),
    ],
)
def test_a_panel_moved_when_a_line_left_its_range_and_stayed_out(after, moved):
    history = panel(*[5] * 11, *after, *[5] * 6)
    found = scored(facts=(*facts(), history, PanelsAsked(END, "process.kill shop", 4.0)))
    page = 13.0 - INJECTED
    assert part(found, "detect").par == (min(moved, page) if moved is not None else page)
    assert found.panel == ("Errors (shop)" if moved is not None else "")


def test_a_round_in_which_nothing_was_injected_has_claims_that_are_not_scored_and_nothing_else():
    before = tuple(fact for fact in facts() if fact.at < INJECTED and type(fact).__name__ != "Injected")
    game = (PAGE, claim(7.0), Acted(3, 8.0, 1, False, "no"))
    found = score(replace(recording(), facts=before), game, TRUTH)
    assert (found.parts, found.brier, found.hurt, found.gaps, found.ended) == ([], {}, None, [], "")
    [said] = found.claims
    assert (said.scored, said.why_not) == (False, "nothing was injected")


def test_a_round_whose_player_is_gone_was_broken_off():
    assert scored(claim(12.0)).ended == "broken off"


def test_a_score_of_an_earlier_release_can_be_read():
    found = scored(claim(12.0))
    old = msgspec.to_builtins(found)
    del old["looked"]
    del old["claims"][0]["why_not"]
    assert msgspec.convert(old, type(found)) == found


def test_the_score_is_as_it_was_when_it_is_written_and_read():
    found = scored(PAGE, claim(12.0), requests=users(slow=(12.0, 15.0)))
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found
