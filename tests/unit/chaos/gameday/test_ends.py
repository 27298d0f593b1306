"""How a round ends, and what players cannot do to it: nothing is credited that nobody did, nothing acts too late."""

import threading

import msgspec
import pytest

from chaos.errors import GameRefused, SignalUnavailable
from chaos.facts import game, recording
from chaos.facts.game import Acted, Declined, HoldEnded
from chaos.facts.run import Mitigated, RunEnded, StagedUndone
from chaos.faults.hands import Proof
from chaos.faults.process import ProcessKillHands
from chaos.gameday.actions import Actions, silences_of
from chaos.gameday.table import fits
from chaos.reach.silences import Silences
from chaos.spec.gameday import seal
from chaos.spec.gameday.deck import Inject
from chaos.spec.values import Duration
from chaos.undo.end_silence import EndSilence
from tests.unit.chaos.drill.test_drill_phases import EXPERIMENT
from tests.unit.chaos.drill.world import World
from tests.unit.chaos.gameday.test_round import Play
from tests.waiting import until

BOTH = EXPERIMENT.replace("instance: shop-2, for", "instances: [shop-1, shop-2], for")
SECOND = EXPERIMENT + "also:\n  - {{ after: 20s, fault: {{ type: process.pause, instance: shop-1, for: 600s }} }}\n"


@pytest.fixture
def world():
    return World()


def ask(after, action, who="Ann"):
    return after, lambda table: table.ask(who, action)


def test_a_part_taken_away_is_no_mitigation_while_users_still_feel_the_rest(tmp_path, world):
    world.hurts = lambda: not world.control.running["shop-1"]
    played = Play(tmp_path, world, [ask(15, "restart shop-2"), ask(90, "restart shop-1")], text=BOTH)
    told = played.run()
    [ended] = played.all(HoldEnded)
    assert ended.how == "mitigated"
    assert ended.at - told.verdict.injected > 90, "the first of the two helped nobody"


def test_what_nobody_ends_for_users_is_ended_by_the_limit(tmp_path, world):
    world.hurts = lambda: not world.control.running["shop-1"]
    played = Play(tmp_path, world, [ask(15, "restart shop-2")], text=BOTH)
    assert played.run().score.ended == "limit"
    assert world.control.running == {"shop-1": True, "shop-2": True}


def test_a_repair_puts_back_what_it_names_and_the_other_fault_stays(tmp_path, world):
    says = [ask(30, "repair shop-1 process"), ask(60, "repair shop-2 process")]
    played = Play(tmp_path, world, says, text=SECOND)
    told = played.run()
    assert [fact.done for fact in played.all(Acted)] == [True, True]
    [undone] = played.round._context.recorder.live.all(StagedUndone)
    assert undone.at - told.verdict.injected == pytest.approx(30, abs=2)
    assert told.score.ended == "repaired"
    assert told.verdict.undone - told.verdict.injected == pytest.approx(60, abs=2)


def test_the_round_goes_on_until_the_fault_that_comes_later_is_ended_too(tmp_path, world):
    says = [ask(10, "repair shop-2 process"), ask(26, "repair shop-1 process")]
    told = Play(tmp_path, world, says, text=SECOND).run()
    assert told.score.ended == "repaired"
    assert told.verdict.undone - told.verdict.injected == pytest.approx(26, abs=2)


def test_what_is_left_in_place_and_noticed_by_nobody_keeps_no_round_going(tmp_path, world):
    """Of several faults people end the one that hurts; the pager is told that it is over, and users are well."""
    told = Play(tmp_path, world, [ask(30, "repair shop-2 process")], text=SECOND).run()
    assert told.score.ended == "mitigated"
    assert 30 <= told.verdict.undone - told.verdict.injected < 60


def test_what_people_ended_is_judged_as_far_as_it_was_held(tmp_path, world):
    """Nobody proves any more what is gone, while users are still looked at; that is no hole in the evidence."""
    world.hurts = lambda: world.broke and world.now - world.down_since < 40
    patient = EXPERIMENT.replace('during: "< 0.01"', 'during: "< 0.5"')
    told = Play(tmp_path, world, [ask(20, "restart shop-2")], text=patient).run()
    assert told.score.ended == "mitigated"
    assert told.verdict.undone - told.verdict.injected > 45
    assert told.verdict.findings == []


def test_an_alert_of_a_later_fault_is_not_excused_by_the_end_of_the_first(tmp_path, world):
    later = SECOND.replace("after: 20s", "after: 60s").replace(
        "process.pause, instance: shop-1", "process.kill, instance: shop-2"
    )
    first = later.replace(
        "fault: {{ type: process.kill, instance: shop-2", "fault: {{ type: process.pause, instance: shop-1", 1
    )
    says = [ask(10, "repair shop-1 process"), ask(100, "repair shop-2 process")]
    world.alerting = False
    told = Play(tmp_path, world, says, text=first).run()
    [alert] = [one for one in told.verdict.alerts if one.name == "Down"]
    assert alert.outcome.value == "missed"


def test_a_repair_that_cannot_be_proven_yet_ends_no_round(tmp_path, world, monkeypatch):
    real = ProcessKillHands.undone

    def undone(self, system):
        blocked = world.now - world.down_since < 45
        return Proof(False, "something is in its way") if blocked else real(self, system)

    monkeypatch.setattr(ProcessKillHands, "undone", undone)
    played = Play(tmp_path, world, [ask(20, "repair shop-2 process")])
    told = played.run()
    assert "cannot be proven yet" in played.all(Acted)[0].detail
    assert told.verdict.exit_code != 5
    assert played.round._context.journal.open() == []


def test_what_cannot_be_said_at_the_table_keeps_nothing_in_place(tmp_path, world, monkeypatch):
    played = Play(tmp_path, world, [ask(20, "restart shop-1")])
    real = game.append

    def append(file, fact, *more):
        if world.broke and world.now - world.down_since > 15:
            raise OSError("no space left")
        return real(file, fact, *more)

    monkeypatch.setattr(game, "append", append)
    played.run()
    assert world.control.running == {"shop-1": True, "shop-2": True}
    assert played.round._context.journal.open() == []


def test_to_name_a_fault_that_has_not_come_yet_is_a_wrong_guess(tmp_path, world):
    played = Play(tmp_path, world, [ask(10, "repair shop-1 process")], text=SECOND)
    played.run()
    assert [fact.done for fact in played.all(Acted)] == [False]


def test_over_is_refused_while_a_page_is_open_and_the_next_guess_waits(tmp_path, world):
    says = [(after, lambda table: table.declare("Ann")) for after in (20, 30)]
    played = Play(tmp_path, world, says)
    assert played.run().score.ended == "limit"
    open_, again = (fact.why for fact in played.all(Declined))
    assert "still says that this fires: Down" in open_
    assert "costs time" in again


def test_users_that_nobody_measures_are_not_well(tmp_path, world):
    world.alerting = False
    unmeasured = EXPERIMENT.replace(', after: "== 0"', "")
    played = Play(tmp_path, world, [(20, lambda table: table.declare("Ann"))], text=unmeasured)
    assert played.run().score.ended == "limit"
    assert "nothing here says how users are" in played.all(Declined)[0].why


@pytest.mark.parametrize("acts", [True, False])
def test_who_restarts_what_could_say_whether_it_is_in_place_breaks_nothing_off(tmp_path, world, monkeypatch, acts):
    real, unseen = ProcessKillHands.in_place, []

    def in_place(self, system):
        if world.broke and 2 < world.now - world.down_since < 5:
            unseen.append(world.now)
            raise SignalUnavailable("HAProxy: no answer")
        return real(self, system)

    monkeypatch.setattr(ProcessKillHands, "in_place", in_place)
    told = Play(tmp_path, world, [ask(1, "restart shop-1"), ask(60, "restart shop-2")] if acts else []).run()
    assert unseen
    assert told.score.ended == ("mitigated" if acts else "broken off"), "without an action nobody can say what happened"


@pytest.mark.parametrize("action", ["silence Down 5", "restart watchdog"])
def test_what_takes_no_fault_away_does_not_make_a_lost_one_mitigated(tmp_path, world, monkeypatch, action):
    monkeypatch.setattr(Silences, "make", lambda *_: "s1")
    monkeypatch.setattr(Silences, "left", lambda *_: [])
    real = ProcessKillHands.in_place

    def in_place(self, system):
        lost = world.broke and world.now - world.down_since > 8
        return Proof(False, "our agent is gone") if lost else real(self, system)

    monkeypatch.setattr(ProcessKillHands, "in_place", in_place)
    told = Play(tmp_path, world, [ask(5, action)]).run()
    assert told.score.ended == "broken off"
    assert told.verdict.outcome.value == "inconclusive"


def test_nothing_is_done_before_all_is_proven_well(tmp_path, world):
    played = Play(tmp_path, world, [])
    played.table.ask("Ann", "restart shop-1")
    played.run()
    [refused] = played.all(Acted)
    assert (refused.done, "not begun" in refused.detail) == (False, True)


@pytest.mark.parametrize("after", [None, 301])
def test_an_abort_is_heard_also_before_the_fault_and_after_it(tmp_path, world, after):
    played = Play(tmp_path, world, [] if after is None else [(after, lambda table: table.steer("Host", "abort"))])
    if after is None:
        played.table.steer("Host", "abort")
    told = played.run()
    recorded = recording.read(played.folder)
    assert "aborted by fact" in recorded.first(RunEnded).detail
    assert recorded.first(Mitigated) is None
    assert world.control.running == {"shop-1": True, "shop-2": True}
    assert told.verdict.injected is None or after is not None


def test_nobody_who_aborts_is_named_in_the_recording(tmp_path, world):
    played = Play(tmp_path, world, [(30, lambda table: table.steer("Hostess", "abort"))])
    told = played.run()
    assert told.score.ended == "aborted"
    assert "Hostess" not in (played.folder / "recording.ndjson").read_text()


def test_what_is_half_done_when_the_undo_begins_is_not_done_to_its_end(tmp_path, world):
    played = Play(tmp_path, world, [])
    context, actions = played.round._context, played.master.actions
    context.lease.acquire(context.run_id, 600.0)
    stopping, may_go_on = threading.Event(), threading.Event()
    control = world.control

    def stop(instance):
        control.running[instance] = False
        stopping.set()
        may_go_on.wait(10)

    control.stop = stop
    said = []
    thread = threading.Thread(target=lambda: said.append(_outcome(actions, "restart shop-1")))
    thread.start()
    assert stopping.wait(10)
    ender = threading.Thread(target=actions.stop)
    ender.start()
    until(lambda: actions._over)
    may_go_on.set()
    thread.join(10)
    ender.join(10)
    assert said == ["shop-1 was asked to end, and is started"], "it may have been undone before it had ended"
    with pytest.raises(GameRefused, match="being put back"):
        actions._does(lambda: control.kill("shop-1"))
    context.journal.replay(context.system, world, only=context.owns)
    assert control.running["shop-1"]
    played.leave()


def _outcome(actions, action):
    try:
        return actions.do(action)
    except GameRefused as refused:
        return str(refused)


def test_a_silence_has_an_undo_record_and_a_name_of_its_round(tmp_path, world, monkeypatch):
    made = []
    monkeypatch.setattr(Silences, "make", lambda self, *_: made.append(self.who))
    played = Play(tmp_path, world, [])
    context = played.round._context
    context.lease.acquire(context.run_id, 600.0)
    played.master.actions.do("silence Down 5")
    [record] = context.journal.open()
    assert record.what == EndSilence(made[0])
    assert made == [silences_of(context).who]
    assert context.run_id in made[0]
    played.leave()


def test_what_stands_for_any_word_is_not_told_from_how_a_name_is_written():
    offered = ["restart DB1", "silence ALERT MINUTES"]
    assert fits("restart DB1", offered)
    assert not fits("restart toxiproxy", offered)
    assert fits("silence Down 5", offered)


def test_only_what_is_offered_is_restarted(tmp_path, world):
    played = Play(tmp_path, world, [])
    played.round._context.lease.acquire("one", 600.0)
    with pytest.raises(GameRefused):
        Actions(played.round._context, Duration(seconds=5)).do("restart toxiproxy")
    played.leave()


def test_hints_of_a_deck_are_sealed_with_the_round(tmp_path):
    played = Play(tmp_path, World(), [])
    sealed = played.seal.sealed
    played.leave()
    told = msgspec.structs.replace(sealed, hints=["look at the clock"])
    assert seal.seal(told).sealed.hints == ["look at the clock"]


def test_what_may_fire_of_an_inject_is_of_its_fault():
    with pytest.raises(ValueError, match="may_fire"):
        Inject(Duration(seconds=5), "Is it down?", may_fire=["Down"])


def test_a_fault_that_went_away_while_another_was_held_to_the_limit_is_a_hole(tmp_path, world):
    world.hurts = lambda: world.broke
    told = Play(tmp_path, world, [ask(30, "restart shop-2")], text=SECOND).run()
    assert (told.score.ended, len(told.verdict.findings)) == ("limit", 1)
