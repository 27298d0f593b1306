"""The faults of a run: staged ones come when they are due, act again every second, and go last first."""

import io
from dataclasses import replace

import msgspec
import pytest

from chaos.control.port import Replicas
from chaos.drill.attack import Attack
from chaos.drill.context import RunContext
from chaos.drill.progress import Progress
from chaos.errors import FaultFailed, LeaseLost
from chaos.facts.run import FaultProof, Injected, StagedInjected, StagedUndone, Undone
from chaos.faults import use
from chaos.machine.interrupts import Interrupts
from chaos.spec import values
from chaos.spec.experiment import Experiment
from chaos.spec.faults.measure import Measure
from chaos.spec.target import Redis
from chaos.undo.journal import UndoJournal
from tests.fakes import FakeClock, FakeControl, FakeSwarm, system


class Run:
    """An attack on processes in memory, with time that passes when told to."""

    def __init__(self, folder, also, fault=None, control=None, cover=""):
        self.clock = FakeClock(0.0)
        self.control = control or FakeControl()
        self.facts = []
        self.journal = UndoJournal(folder)
        self.lease_lost = False
        experiment = {
            "title": "t",
            "claim": "c",
            "fault": fault or kill("shop-1", "10s"),
            "also": also,
            "steady_state": [],
            "recover_within": "5s",
        }
        there, progress = system(folder, self.control), Progress(io.StringIO())
        context = RunContext("r", "e", there, self, Interrupts(self.clock), progress, self.clock, cover=cover)
        context.assert_somebody_watches, context.knows = (lambda _: None), (lambda *_: True)
        context.lease.acquire("r", 1000.0)
        context.lease.assert_held = self._assert_lease
        self.attack = Attack(msgspec.convert(experiment, Experiment, dec_hook=values.decode), context)

    def write(self, fact):
        """As its recorder."""
        self.facts.append(fact)

    def _assert_lease(self, _):
        if self.lease_lost:
            raise LeaseLost("gone")

    def hold(self, until):
        while self.clock.now < until:
            self.clock.wait(0.5)
            self.attack.go_on()

    def kinds(self):
        return [type(fact) for fact in self.facts if not isinstance(fact, FaultProof)]


def kill(instance="shop-2", hold="4s"):
    return {"type": "process.kill", "instance": instance, "for": hold}


class Watchdog:
    """One that reads what it is to undo some time after it was written."""

    def __init__(self, run, takes):
        self.run, self.takes, self.asked = run, takes, []
        context = run.attack.context
        context.knows = self.knows

    def knows(self, _, since):
        self.asked.append([name for name, runs in self.run.control.running.items() if not runs])
        return self.run.clock.now >= since + self.takes


def test_nothing_is_broken_before_the_watchdog_knows_how_to_undo_it(tmp_path):
    run = Run(tmp_path, [])
    watchdog = Watchdog(run, takes=0.5)
    run.attack.begin({})
    assert watchdog.asked, "nobody was asked"
    assert not any(watchdog.asked), "broken before it was known"
    [injected] = [fact for fact in run.facts if isinstance(fact, Injected)]
    assert injected.at == pytest.approx(0.5, abs=0.05), "waiting before the blow is no part of the fault"


SLOW = {"type": "network.latency", "link": "postgres", "latency": "50ms", "for": "10s"}


@pytest.mark.parametrize(
    ("fault", "cover", "own"),
    [(None, "secret", set()), (SLOW, "secret", {Measure.LINKS}), (None, "", set(use._ASKED))],
)
def test_before_its_fault_a_sealed_run_asks_the_same_servers_whatever_it_is(tmp_path, monkeypatch, fault, cover, own):
    """And an open one only what its fault is measured by."""
    asked = set()
    for measure in use._ASKED:
        monkeypatch.setitem(use._ASKED, measure, lambda _, measure=measure: asked.add(measure))
    run = Run(tmp_path, [], fault, cover=cover)
    context = run.attack.context
    urls = msgspec.structs.replace(context.system.target.urls, toxiproxy="http://127.0.0.1:9")
    named = {"urls": urls, "haproxy": "/none", "postgres": "dsn", "redis": Redis({"redis-1": "127.0.0.1:9"}, "cache:")}
    context.system = replace(context.system, target=msgspec.structs.replace(context.system.target, **named))
    run.attack.watch()
    assert asked == set(use._ASKED) - own


def test_a_watchdog_that_does_not_read_what_it_is_to_undo_keeps_everything_whole(tmp_path):
    run = Run(tmp_path, [])
    Watchdog(run, takes=1000.0)
    with pytest.raises(FaultFailed, match="does not read what there will be to undo"):
        run.attack.begin({})
    assert run.control.running == {"shop-1": True, "shop-2": True}
    assert run.clock.now == pytest.approx(5.0, abs=0.1)


def test_a_staged_fault_comes_when_it_is_due_and_goes_after_its_own_time(tmp_path):
    run = Run(tmp_path, [{"after": "3s", "fault": kill()}])
    run.attack.begin({})
    run.hold(2.5)
    assert run.control.running == {"shop-1": False, "shop-2": True}
    run.hold(3.0)
    assert run.control.running["shop-2"] is False
    run.hold(8.0)
    assert run.control.running == {"shop-1": False, "shop-2": True}
    run.hold(10.0)
    run.attack.end()
    assert run.kinds() == [Injected, StagedInjected, StagedUndone, Undone]
    assert run.journal.open() == []


def test_what_is_still_in_place_at_the_end_goes_last_first(tmp_path):
    run = Run(tmp_path, [{"fault": kill(hold="60s")}])
    run.attack.begin({})
    run.hold(1.0)
    run.attack.end()
    assert run.control.started == ["shop-2", "shop-1"]


def test_every_fault_in_place_is_proven_every_second(tmp_path):
    run = Run(tmp_path, [{"after": "2s", "fault": kill(hold="60s")}])
    run.attack.begin({})
    run.hold(6.0)
    proofs = [fact for fact in run.facts if isinstance(fact, FaultProof)]
    assert len([proof for proof in proofs if proof.staged is None]) >= 6
    assert len([proof for proof in proofs if proof.staged == 0]) >= 4


def test_a_staged_fault_that_goes_away_by_itself_ends_the_run(tmp_path):
    run = Run(tmp_path, [{"fault": kill(hold="60s")}])
    run.attack.begin({})
    run.hold(1.0)
    run.control.running["shop-2"] = True
    with pytest.raises(FaultFailed, match="went away"):
        run.hold(3.0)


def test_a_blow_that_fell_without_a_lease_is_on_record(tmp_path):
    class Slept(FakeControl):
        def kill(self, instance):
            run.lease_lost = True
            return super().kill(instance)

    run = Run(tmp_path, [], control=Slept())
    with pytest.raises(LeaseLost):
        run.attack.begin({})
    assert not run.control.running["shop-1"]
    assert [record.what.instance for record in run.journal.open()] == ["shop-1"]


def test_a_sealed_run_hides_what_it_does_from_its_first_look_to_its_last_undo(tmp_path):
    scale = {"type": "service.scale", "service": "shop", "replicas": 5, "for": "60s"}
    run = Run(tmp_path, [{"fault": kill()}], scale, FakeSwarm(), cover="nobody-can-guess-it")
    assert run.attack.context.system.cover == "nobody-can-guess-it"
    run.attack.begin({})
    run.hold(0.5)
    assert [record.cover for record in run.journal.open()] == ["nobody-can-guess-it"] * 2
    [memo] = tmp_path.rglob("memos/*/*")
    assert "scale" not in memo.name
    run.attack.end()
    assert run.control.wanted == 3


@pytest.mark.parametrize(("takes", "fails"), [(30.0, False), (50.0, True)])
def test_a_swarm_has_its_time_until_a_fault_must_be_in_place(tmp_path, monkeypatch, takes, fails):
    scale = {"type": "service.scale", "service": "shop", "replicas": 5, "for": "60s"}
    run = Run(tmp_path, [], scale, FakeSwarm())
    monkeypatch.setattr(
        run.control, "replicas", lambda _: Replicas(run.control.wanted, 5 if run.clock.now > takes else 3)
    )
    if fails:
        with pytest.raises(FaultFailed, match="not in place: shop: 3 replicas of 5 run"):
            run.attack.begin({})
    else:
        run.attack.begin({})
        assert run.clock.now < takes + 1
