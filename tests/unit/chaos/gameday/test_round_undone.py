"""A round's undo: heard at once by whoever ends it, and not in the way of what players changed."""

import pytest

from chaos.facts.game import HoldEnded
from chaos.faults.hands import Proof
from chaos.faults.process import ProcessKillHands
from chaos.gameday.actions import Actions
from chaos.spec.faults.process import ProcessPause
from tests.unit.chaos.drill.world import World
from tests.unit.chaos.gameday.test_ends import ask
from tests.unit.chaos.gameday.test_round import Play


@pytest.fixture
def world():
    return World()


def test_an_abort_is_heard_while_a_repair_is_being_proven(tmp_path, world, monkeypatch):
    real = ProcessKillHands.undone

    def after():
        return world.now - world.down_since if world.broke else 0.0

    def undone(self, system):
        return Proof(False, "something is in its way") if after() < 30 else real(self, system)

    def abort(_):
        if after() >= 23 and not played.table.is_to_abort:
            played.table.steer("Host", "abort")

    monkeypatch.setattr(ProcessKillHands, "undone", undone)
    world.hurts = lambda: 0 < after() < 40
    played = Play(tmp_path, world, [ask(20, "repair shop-2 process")])
    world.each_second.append(abort)
    told = played.run()
    [ended] = played.all(HoldEnded)
    assert ended.how == "aborted"
    assert ended.at - told.verdict.injected == pytest.approx(23, abs=2), "and not once the repair had its 20 s"
    assert told.verdict.exit_code != 5, told.verdict
    assert world.control.running["shop-2"]


def test_what_players_changed_does_not_keep_a_fault_from_being_proven_undone(tmp_path, world, monkeypatch):
    """As a server that they drained: HAProxy uses it again only when that is put back."""

    def freeze(self, _):
        self._does(lambda: self.context.register(ProcessPause(self.longest, "shop-2")))
        world.control.pause("shop-2")
        return "frozen"

    monkeypatch.setattr(Actions, "do", freeze)
    played = Play(tmp_path, world, [ask(30, "restart shop-2")])
    told = played.run()
    assert told.score.ended == "limit"
    assert told.verdict.exit_code != 5, told.verdict
    assert world.control.frozen == set()
    assert played.round._context.journal.open() == []
