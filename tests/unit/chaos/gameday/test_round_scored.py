"""What a whole round is scored as: by what was really injected, and by what people did who did not know it."""

import pytest

from chaos.facts.game import InjectTold
from chaos.spec.faults.process import ProcessKill
from chaos.spec.gameday.deck import Inject
from chaos.spec.values import Duration
from tests.unit.chaos.drill.world import World
from tests.unit.chaos.gameday.test_round import QUESTION, Play


@pytest.fixture
def world():
    return World()


def test_a_fault_that_was_still_to_come_was_nobodys_right_diagnosis(tmp_path, world):
    later = Inject(Duration(seconds=200), fault=ProcessKill(Duration(seconds=20), "shop-1"))
    says = [
        (2, lambda table: table.claim("Ann", "shop-1", "process", 0.9)),
        (3, lambda table: table.claim("Bob", "shop-2", "process", 0.9)),
        (20, lambda table: table.declare("Ann")),
    ]
    told = Play(tmp_path, world, says, injects=(QUESTION, later)).run()
    assert [claim.right for claim in told.score.claims] == [False, True]
    assert "never came" in told.truth.words


def test_the_score_and_the_debrief_say_who_looked_at_the_truth(tmp_path, world):
    says = [
        (6, lambda table: table.show_truth("Ann")),
        (8, lambda table: table.ask("Ann", "restart shop-2")),
    ]
    play = Play(tmp_path, world, says)
    told = play.run()
    assert (told.score.ended, told.score.looked) == ("mitigated", ["Ann"])
    assert "| looked at the truth | Ann |" in (play.folder / "debrief.md").read_text()


def test_once_it_is_ended_nobody_from_outside_asks_any_more(tmp_path, world):
    play = Play(tmp_path, world, [(5, lambda table: table.ask("Ann", "restart shop-2"))])
    told = play.run()
    assert told.score.ended == "mitigated"
    assert play.all(InjectTold) == []
