"""The table of an alert's outcomes is whole, and no two rows of it say the same."""

import pytest

from chaos.verdict.outcome import AlertOutcome


def test_every_outcome_has_a_rank_and_a_mark_of_its_own():
    assert sorted(one.rank for one in AlertOutcome) == list(range(len(AlertOutcome)))
    assert len({one.mark for one in AlertOutcome}) == len(AlertOutcome)


@pytest.mark.parametrize("outcome", AlertOutcome)
def test_what_is_wrong_is_a_capital_and_counts_more_than_what_is_well(outcome):
    assert outcome.mark.isupper() == outcome.wrong
    assert not (outcome.well and outcome.wrong)
    assert all(outcome.rank < other.rank for other in AlertOutcome if outcome.wrong and other.well)


def test_only_what_nobody_knows_is_neither():
    neither = [one for one in AlertOutcome if not one.well and not one.wrong]
    assert neither == [one for one in AlertOutcome if one.open]
    assert neither == [AlertOutcome.AGAIN, AlertOutcome.PENDING, AlertOutcome.NOT_JUDGED, AlertOutcome.UNKNOWN]
