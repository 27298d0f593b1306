"""Whoever keeps the game's file, by a lock or in a terminal that was stopped, keeps no fault in place."""

import contextlib
import fcntl

import pytest

from chaos.facts import one_at_a_time
from tests.unit.chaos.drill.world import World
from tests.unit.chaos.gameday.test_round import LIMIT, Play


@pytest.mark.timeout(60)
@pytest.mark.parametrize("second", [5, LIMIT - 0.5], ids=["while it is held", "just before its end"])
def test_the_round_ends_and_is_undone(tmp_path, monkeypatch, second):
    monkeypatch.setattr(one_at_a_time, "WITHIN_SECONDS", 0.05)
    world = World()
    with contextlib.ExitStack() as kept:

        def keep(table):
            fcntl.flock(kept.enter_context(table.file.open("rb")), fcntl.LOCK_EX)

        play = Play(tmp_path, world, [(second, keep)])
        told = play.run()
    assert told.verdict.outcome.value == "inconclusive"
    assert world.control.running["shop-2"]
    assert play.round._context.journal.open() == []
