"""A whole round on a clock of its own: page, acknowledgement, wrong claim, hint, right claim, mitigation, debrief."""

import io

import msgspec
import pytest

from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.errors import GameRefused
from chaos.facts import game, recorder, recording
from chaos.facts.game import Acted, Declined, Escalated, HintGiven, HoldEnded, InjectTold, Paged, RoundBegan
from chaos.faults.hands import System
from chaos.gameday import ending, sealing
from chaos.gameday.actions import Actions
from chaos.gameday.master import Master
from chaos.gameday.round import Round, TableContext
from chaos.gameday.table import Table
from chaos.judge import round_score
from chaos.machine.interrupts import Interrupts
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.gameday import seal, truth
from chaos.spec.gameday.deck import Inject
from chaos.spec.gameday.seal import Sealed
from chaos.spec.load import LoadSettings
from chaos.spec.loads import PathsLoad
from chaos.spec.pace import Pace
from chaos.spec.values import Duration
from tests.fakes import system
from tests.unit.chaos.drill.test_drill_phases import EXPERIMENT, parts
from tests.unit.chaos.drill.world import World

LIMIT = 300.0
QUESTION = Inject(Duration(seconds=10), "Is it down?", within=Duration(seconds=60))


class Play:
    """One round; `says` is what people do, by seconds since the fault came."""

    def __init__(self, folder, world, says, injects=(QUESTION,), text=EXPERIMENT):
        self.world, self.says = world, sorted(says, key=lambda one: one[0])
        file = folder / "kill.yaml"
        file.write_text(text.format(hold="600s"))
        experiment = yamlfile.read(file, Experiment)
        self.seal = seal.seal(Sealed("kill", file.read_text(), 7.0, list(injects), "restart shop-2", False, 1, 0))
        self.folder = folder / "runs" / "one"
        self._sealed = sealing.sealed(self.folder, self.seal)
        private = self._sealed.__enter__()
        target = msgspec.structs.replace(system(folder).target, load=PathsLoad(paths=["/"]))
        context = TableContext(
            "one",
            "gameday",
            System(target, world.control),
            recorder.open_in(private, file, Pace()),
            Interrupts(world),
            Progress(io.StringIO()),
            world,
        )
        context.assert_somebody_watches, context.knows = (lambda _: None), (lambda *_: True)
        self.table = Table(self.folder, world)
        self._seat(context, experiment, injects)
        self.problems = []
        context.turns += [self._people, self.master.turn, self._settle]
        plan = Plan("one", "kill", experiment, Pace(), frozenset({"Down"}), LoadSettings(), "abc", False)
        self.round = Round(plan, context, self.master, LIMIT, {}, parts(world))

    def _seat(self, context, experiment, injects):
        actions = Actions(context, Duration(seconds=600))
        self.master = Master(
            self.table,
            context,
            actions,
            ("one", "two", "three"),
            tuple(injects),
            60.0,
            delay=7.0,
        )
        names = ["shop-1", "shop-2"]
        began = RoundBegan(
            0, 0.0, context.origin, 0.0, self.seal.commitment, LIMIT, 20.0, "B",
            names, list(truth.families()), actions.offered(), {}, ["an old item"], 1.0,
        )  # fmt: skip
        self.master.began(began)

    def _people(self):
        began = self.master._injected
        while began is not None and self.says and self.master.now >= began + self.says[0][0]:
            _, act = self.says.pop(0)
            try:
                act(self.table)
            except GameRefused as refused:
                self.problems.append(str(refused))

    def _settle(self):
        # What is done in a thread of its own takes no time on this clock.
        for future in list(self.master._acting.values()):
            future.exception()

    def run(self):
        try:
            self.round.run()
        finally:
            self.master.lets_go()
            self._sealed.__exit__(None, None, None)
        return ending.write(self.folder)

    def all(self, kind):
        return self.table.all(kind)

    def leave(self):
        """Of a round that is not run."""
        self.round._context.recorder.close()
        self._sealed.__exit__(None, None, None)


@pytest.fixture
def world():
    return World()


def page(table):
    return table.all(Paged)[0].number


USUAL = [
    (5, lambda table: table.acknowledge("Ann", page(table))),
    (6, lambda table: table.open_runbook("Ann", page(table))),
    (8, lambda table: table.claim("Bob", "shop-1", "network", 0.6)),
    (11, lambda table: table.hint("Bob")),
    (12, lambda table: table.claim("Ann", "shop-2", "process", 0.9)),
    (14, lambda table: table.answer("Ann", table.all(InjectTold)[0].number, "Partly.")),
    (15, lambda table: table.ask("Ann", "restart shop-2")),
]


def test_a_round_from_page_to_debrief(tmp_path, world):
    play = Play(tmp_path, world, USUAL)
    told = play.run()
    assert play.problems == []
    [ended] = play.all(HoldEnded)
    assert ended.how == "mitigated"
    [acted] = play.all(Acted)
    assert acted.done
    assert told.verdict.outcome.value in ("held", "deviated"), told.verdict
    score = told.score
    parts_ = {part.name: part for part in score.parts}
    assert parts_["acknowledge"].value == pytest.approx(5, abs=1)
    assert parts_["acknowledge"].par == pytest.approx(3, abs=1.5), "when the page was delivered"
    assert parts_["diagnose"].value == pytest.approx(12, abs=1)
    assert (parts_["communicate"].value, parts_["communicate"].par) == (1.0, 1.0)
    assert score.brier == {"Bob": 0.68, "Ann": 0.005}
    assert score.hints == 1
    assert world.control.running == {"shop-1": True, "shop-2": True}
    assert play.round._context.journal.open() == []
    assert ending.broken_seal(play.folder) == []
    assert {"debrief.html", "debrief.md", "score.json", "recording.ndjson", "seal.json"} <= {
        one.name for one in play.folder.iterdir()
    }
    assert "- [ ] an old item" in (play.folder / "debrief.md").read_text()


def test_an_alert_that_was_not_due_when_the_fault_was_ended_is_not_judged(tmp_path, world):
    told = Play(tmp_path, world, [(0.5, lambda table: table.ask("Ann", "restart shop-2"))]).run()
    [alert] = [one for one in told.verdict.alerts if one.name == "Down"]
    assert (alert.outcome.value, told.verdict.outcome.value) == ("not judged", "inconclusive")
    assert told.score.ended == "mitigated"


def test_an_alert_that_was_due_and_did_not_come_is_missed_also_when_a_player_ended_the_fault(tmp_path, world):
    world.alerting = False
    told = Play(tmp_path, world, [(30, lambda table: table.ask("Ann", "restart shop-2"))]).run()
    [alert] = [one for one in told.verdict.alerts if one.name == "Down"]
    assert (alert.outcome.value, told.verdict.outcome.value) == ("missed", "deviated")


def test_the_score_comes_out_the_same_from_the_recording(tmp_path, world):
    play = Play(tmp_path, world, USUAL)
    told = play.run()
    again = round_score.score(recording.read(play.folder), game.read(play.folder / game.GAME_FILE), told.truth)
    assert again == told.score == ending.score_of(play.folder)


def test_until_the_reveal_nothing_outside_the_sealed_folder_says_what_it_is(tmp_path, world):
    play = Play(tmp_path, world, [])
    seen = []

    def look():
        seen.extend(file.read_text() for file in play.folder.iterdir() if file.is_file())
        seen.append(" ".join(one.name for one in play.folder.iterdir()))

    play.round._context.turns.append(look)
    play.run()
    words = ("A kill", "The others carry the load", "process.kill", "experiment", play.seal.salt)
    assert seen
    assert [word for word in words if any(word in text for text in seen)] == []
    assert "process.kill" in (play.folder / "seal.json").read_text()


def test_nobody_at_the_table_and_the_limit_ends_it(tmp_path, world):
    play = Play(tmp_path, world, [])
    told = play.run()
    [ended] = play.all(HoldEnded)
    assert (ended.how, told.score.ended) == ("limit", "limit")
    [escalated] = play.all(Escalated)
    [told_page] = [one for one in play.all(Paged) if one.firing]
    assert (escalated.page, escalated.to) == (told_page.number, "B")
    assert escalated.at == pytest.approx(told_page.at + 20, abs=1)
    assert world.control.running["shop-2"]


@pytest.mark.parametrize("minute", [0, 30])
def test_the_host_aborts_and_all_is_undone_at_once(tmp_path, world, minute):
    play = Play(tmp_path, world, [(minute, lambda table: table.steer("Host", "abort"))])
    told = play.run()
    undone = told.verdict.undone - told.verdict.injected
    assert undone == pytest.approx(minute, abs=2.0)
    assert (told.verdict.exit_code, told.score.ended) == (7, "aborted")
    assert world.control.running["shop-2"]


def test_a_wrong_repair_costs_a_minute_and_a_right_one_ends_it(tmp_path, world):
    says = [
        (5, lambda table: table.ask("Ann", "repair shop-1 process")),
        (10, lambda table: table.ask("Ann", "repair shop-2 process")),
        (70, lambda table: table.ask("Ann", "repair shop-2 process")),
    ]
    play = Play(tmp_path, world, says)
    told = play.run()
    assert [fact.done for fact in play.all(Acted)] == [False, False, True]
    assert told.score.ended == "repaired"
    assert told.verdict.undone - told.verdict.injected == pytest.approx(70, abs=2)


def test_who_says_that_it_is_over_is_right_when_users_are_well_and_no_page_is_open(tmp_path, world):
    world.alerting = False
    play = Play(tmp_path, world, [(20, lambda table: table.declare("Ann"))])
    told = play.run()
    assert told.score.ended == "resolved"
    assert play.all(Declined) == []


def test_there_are_three_hints(tmp_path, world):
    world.alerting = False
    says = [(after, lambda table: table.hint("Ann")) for after in (12, 13, 14, 15)]
    says.append((20, lambda table: table.declare("Ann")))
    play = Play(tmp_path, world, says)
    told = play.run()
    assert [fact.text for fact in play.all(HintGiven)] == ["one", "two", "three", "There are no more hints."]
    assert told.score.hints == 3


def test_a_hint_costs_and_says_nothing_before_there_is_something_to_find(tmp_path, world):
    world.alerting = False
    play = Play(tmp_path, world, [(2, lambda table: table.hint("Ann")), (20, lambda table: table.declare("Ann"))])
    play.table.hint("Bob")  # long before the fault
    told = play.run()
    texts = [fact.text for fact in play.all(HintGiven)]
    assert len(texts) == 2
    assert len(set(texts)) == 1, "it does not tell whether the fault is there"
    assert "too early" in texts[0]
    assert told.score.hints == 0


def test_who_looks_at_the_truth_is_not_scored_from_then_on(tmp_path, world):
    world.alerting = False
    says = [
        (2, lambda table: table.claim("Ann", "shop-1", "process", 1.0)),
        (3, lambda table: table.show_truth("Ann")),
        (4, lambda table: table.claim("Ann", "shop-2", "process", 1.0)),
        (20, lambda table: table.declare("Ann")),
    ]
    told = Play(tmp_path, world, says).run()
    assert [(claim.right, claim.scored) for claim in told.score.claims] == [(False, True), (True, False)]
    assert told.score.brier == {"Ann": 1.0}
    assert {part.name: part.value for part in told.score.parts}["diagnose"] is None


def test_what_is_not_possible_is_refused_with_what_would_be(tmp_path, world):
    world.alerting = False
    says = [
        (2, lambda table: table.acknowledge("Ann", 999)),
        (2, lambda table: table.claim("Ann", "unheard-of", "process", 1.0)),
        (2, lambda table: table.claim("Ann", "shop-1", "process", 7.0)),
        (2, lambda table: table.ask("Ann", "rm -rf /")),
        (2, lambda table: table.note(" ", "x")),
        (2, lambda table: table.steer("Ann", "win")),
        (20, lambda table: table.declare("Ann")),
    ]
    play = Play(tmp_path, world, says)
    play.run()
    assert len(play.problems) == 6
    assert "shop-2" in play.problems[1]
    assert "restart shop-1" in play.problems[3]
    game.append(play.table.file, game.Revealed(0, 0.0))
    with pytest.raises(GameRefused, match="over"):
        play.table.note("Ann", "too late")
