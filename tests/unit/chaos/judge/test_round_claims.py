"""What counts of what people say: guesses are credited to nobody, and it is best to say what one thinks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.game import HoldEnded, TruthShown
from chaos.judge.round_claims import brier
from chaos.judge.round_score import score
from chaos.spec.gameday.truth import Truth
from chaos.verdict.round import ClaimResult
from tests.unit.chaos.judge.test_round_score import claim, part, scored
from tests.unit.recordings import INJECTED, recording


def value(right, sure):
    return brier([ClaimResult("Ann", 1.0, "x", "y", sure, right)])["Ann"]


def test_the_brier_score_knows_right_from_wrong_and_sure_from_unsure():
    assert (value(True, 1.0), value(False, 1.0)) == (0.0, 1.0)
    assert value(True, 0.0) == value(False, 0.0) == 0.5, "who says that he knows nothing is neither"
    assert value(True, 0.9) < value(True, 0.5) < 0.5 < value(False, 0.5) < value(False, 0.9)


@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_does_better_than_by_saying_how_sure_he_is(chance, said):
    def expected(sure):
        return chance * value(True, sure) + (1 - chance) * value(False, sure)

    assert expected(chance) <= expected(said) + 1e-4  # it is rounded


@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_does_better_than_by_naming_what_he_thinks_likeliest(one, other):
    def honest(chance):
        return chance * value(True, chance) + (1 - chance) * value(False, chance)

    assert honest(max(one, other)) <= honest(min(one, other)) + 1e-4


def guesses(*components, sure=0.6, first=11.0):
    return [claim(first + place / 10, component, confidence=sure) for place, component in enumerate(components)]


def test_who_names_everything_has_diagnosed_nothing():
    found = scored(*guesses("shop-1", "shop-2", "shop-3"))
    assert [part(found, name).value for name in ("diagnose", "detect")] == [None, None]


def test_who_comes_back_to_it_is_right_from_then_on():
    game = [*guesses("shop-2", "shop-1", "shop-3"), claim(17.0), claim(19.0, "redis", "redis")]
    found = scored(*game)
    assert part(found, "diagnose").value == 17.0 - INJECTED
    assert "stayed with" in part(found, "diagnose").words


@pytest.mark.parametrize(("sure", "counts"), [(0.0, False), (0.49, False), (0.5, True), (1.0, True)])
def test_who_is_less_than_half_sure_has_neither_noticed_nor_diagnosed(sure, counts):
    found = scored(claim(12.0, confidence=sure))
    at = 12.0 - INJECTED if counts else None
    assert [part(found, name).value for name in ("diagnose", "detect")] == [at, at]
    assert "50 %" in part(found, "diagnose").words
    assert "50 %" in part(found, "detect").words


def test_a_wrong_claim_is_no_detection():
    assert part(scored(claim(12.0, "shop-1")), "detect").value is None


def test_what_one_takes_back_another_may_stay_with():
    found = scored(claim(12.0), claim(14.0, who="Bob"), claim(15.0, "shop-1"))
    assert part(found, "diagnose").value == 14.0 - INJECTED


def test_what_is_said_when_it_is_over_takes_nothing_back():
    found = scored(claim(12.0), HoldEnded(2, 20.0, "limit", None), claim(21.0, "shop-1"))
    assert part(found, "diagnose").value == 12.0 - INJECTED
    assert [one.why_not for one in found.claims] == ["", "after the hold had ended"]


def test_each_claim_that_is_not_scored_says_why():
    found = scored(claim(INJECTED - 1), claim(12.0), TruthShown(3, 13.0, "Ann"), claim(14.0))
    assert [one.why_not for one in found.claims] == ["before the injection", "", "after the truth was shown"]
    assert [one.scored for one in found.claims] == [False, True, False]


def test_right_is_what_was_broken_by_then():
    later = {("redis", "redis"): (15.0, float("inf"))}
    true = Truth(frozenset({("shop-2", "process"), ("redis", "redis")}), "both", later)
    found = score(recording(), [claim(14.0, "redis", "redis"), claim(16.0, "redis", "redis", who="Bob")], true)
    assert [one.right for one in found.claims] == [False, True]
    assert part(found, "diagnose").value == 16.0 - INJECTED
