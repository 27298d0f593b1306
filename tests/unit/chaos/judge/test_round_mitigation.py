"""Whose mitigation it was: neither the harness's undo nor who had looked at the truth is credited to the players."""

import pytest

from chaos.facts.game import Acted, Asked, Declared, HoldEnded, TruthShown
from chaos.facts.run import PhaseBegan
from tests.unit.chaos.judge.test_round_score import part, scored, users
from tests.unit.recordings import INJECTED, UNDONE, facts

HURT = (12.0, 18.0)
WELL = pytest.approx(HURT[1] - INJECTED, abs=1.5)
LOOK = TruthShown(0, 13.0, "Ann")


def mitigate(*game, **changes):
    return part(scored(*game, **({"requests": users(hurt=HURT)} | changes)), "mitigate")


@pytest.mark.parametrize(
    ("how", "credited"), [("mitigated", False), ("resolved", False), ("limit", False), ("repaired", True)]
)
def test_what_the_undo_did_is_credited_to_who_asked_for_it_and_to_nobody_else(how, credited):
    by = None if how == "limit" else 1
    game = (Asked(1, 24.0, "Ann", "repair shop-2 process"), HoldEnded(2, UNDONE, how, by))
    found = mitigate(*game, requests=users(hurt=(12.0, UNDONE)))
    assert found.value == (pytest.approx(UNDONE - INJECTED, abs=1.5) if credited else None)
    assert ("not seen to be well" in found.words) is not credited


@pytest.mark.parametrize("how", ["mitigated", "resolved", "limit", "repaired"])
def test_users_who_are_well_before_the_undo_were_helped(how):
    game = (Declared(1, 24.0, "Ann"), HoldEnded(2, UNDONE, how, None if how == "limit" else 1))
    assert mitigate(*game).value == WELL


def soon_undone(hurt_until, acted_at=20.0):
    """The hold ends within a second of what was done, before a whole look of users fits in."""
    game = (Asked(1, 19.0, "Ann", "restart shop-2"), Acted(2, acted_at, 1, True, "is started"),
            HoldEnded(3, 21.0, "mitigated", 1))  # fmt: skip
    return mitigate(*game, requests=users(hurt=(12.0, hurt_until)), facts=(*facts(), PhaseBegan(21.0, "undo")))


def test_users_who_are_well_after_the_last_action_were_helped_by_it_however_soon_it_was_over():
    assert soon_undone(20.0).value == 20.0 - INJECTED


def test_users_who_were_not_well_after_it_were_not_and_too_few_of_them_say_nothing():
    assert soon_undone(20.5).value is None
    assert soon_undone(20.9, acted_at=20.9).value is None


@pytest.mark.parametrize("who", ["Ann", "Bob"])
@pytest.mark.parametrize("how", ["mitigated", "repaired"])
def test_what_is_done_once_somebody_has_looked_is_nobodys_mitigation(who, how):
    game = (LOOK, Asked(2, 15.0, who, "restart shop-2"), Acted(3, 17.0, 2, True, "done"), HoldEnded(4, 24.0, how, 2))
    found = scored(*game, requests=users(hurt=HURT))
    assert part(found, "mitigate").value is None
    assert "Ann had looked" in part(found, "mitigate").words
    assert found.looked == ["Ann"]


def test_who_says_that_it_is_over_after_somebody_has_looked_has_not_mitigated_it():
    assert mitigate(LOOK, Declared(2, 20.0, "Bob"), HoldEnded(3, 24.0, "resolved", 2)).value is None


def test_what_was_wanted_before_somebody_looked_counts_whatever_became_of_it_when():
    asked, acted = Asked(1, 12.5, "Bob", "restart shop-2"), Acted(3, 17.0, 1, True, "done")
    for by in (1, 3):
        found = scored(asked, LOOK, acted, HoldEnded(4, 24.0, "mitigated", by), requests=users(hurt=HURT))
        assert part(found, "mitigate").value == WELL
        assert found.looked == ["Ann"], "the score says so all the same"


@pytest.mark.parametrize(("looked", "counts"), [(13.0, False), (24.0, True)])
def test_where_nothing_ended_it_it_counts_if_users_were_well_before_anybody_looked(looked, counts):
    found = mitigate(TruthShown(1, looked, "Ann"), HoldEnded(2, UNDONE, "limit", None))
    assert found.value == (WELL if counts else None)
