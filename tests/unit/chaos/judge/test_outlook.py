"""What a run waits for while it lasts: every instance that was told of has to be told to be over, at everybody."""

from dataclasses import replace

import pytest

from chaos.judge import outlook, window
from tests.unit.chaos.judge.lives import Life, judged_facts, well
from tests.unit.recordings import page

EACH = [{"name": "Down", "fires_within": "10s", "resolves_within": "10s", "each": True}]
TWO = [well(), Life("Down", "b", 11, 12, 28)]


def until(recording, at):
    """The run as it is at this moment."""
    return replace(recording, facts=tuple(fact for fact in recording.facts if fact.at <= at))


def waits(recording, at):
    now = until(recording, at)
    return outlook.unresolved(now, window.of(now, at))


def test_the_last_of_several_to_be_told_over_is_waited_for():
    whole = judged_facts(TWO, EACH)
    assert waits(whole, 26.5) == ["Down"]
    assert waits(whole, 28.5) == ["Down"], "a was told to be over, b was not"
    assert waits(whole, 29.5) == []


def test_everybody_who_was_told_is_waited_for():
    labels = well().labels
    told = page(12.6, receiver="fallback", labels=labels, fired_at=12.0)
    over = page(30.0, "resolved", receiver="fallback", labels=labels, fired_at=12.0)
    whole = judged_facts([well()], EACH)
    both = replace(whole, facts=(*whole.facts[:-1], told, over, whole.facts[-1]))
    assert waits(both, 29.0) == ["Down"]
    assert waits(both, 30.5) == []


@pytest.mark.parametrize(("count", "waiting"), [("== 2", []), ("== 3", ["Down"])])
def test_fewer_than_are_asked_for_may_still_come(count, waiting):
    window_of_many = {key: value for key, value in EACH[0].items() if key != "each"}
    recording = judged_facts(TWO, [window_of_many | {"count": count, "fires_within": "21s"}])
    assert waits(recording, 30.0) == waiting
    assert waits(recording, 32.5) == []


def test_a_listed_one_that_fires_and_was_not_told_of_yet_is_owed():
    silent = replace(TWO[1], told=False, until=None)
    now = until(judged_facts([well(), silent], EACH), 27.5)
    assert outlook.owed(now, window.of(now, 27.5)) == ["Down"]
