"""Faults of processes and of the balancer as they are written, put on disk and read back."""

from dataclasses import replace

import msgspec
import pytest

from chaos.control.port import unknown
from chaos.drill import preflight
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.faults.process import each
from chaos.faults.table import hands_of
from chaos.spec import values
from chaos.spec.faults.process import ProcessCrash, ProcessKill, ProcessPause, ProcessRestart
from chaos.spec.faults.table import AnyFault
from chaos.spec.values import Duration
from tests.fakes import FakeControl, system


def read(text):
    return msgspec.convert(
        {"for": "5s", **text}, AnyFault, dec_hook=values.decode, str_keys=True
    )  # as an experiment file is


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"type": "process.kill"}, "either `instance`, or `instances`"),
        ({"type": "process.kill", "instance": "a", "instances": ["b"]}, "either `instance`, or `instances`"),
        ({"type": "process.pause", "instances": ["a", "a"]}, "names one twice"),
        ({"type": "process.throttle", "instance": "a", "share": 1}, "between 0 and 1"),
        ({"type": "process.throttle", "instance": "a", "share": 0.0}, "between 0 and 1"),
        ({"type": "process.throttle", "instance": "a", "share": 0.5, "period": "3s"}, "use process.pause"),
        ({"type": "process.hog", "processes": 0}, "at least 1"),
        ({"type": "haproxy.drain", "server": "shop-2"}, "not written as backend/server"),
        ({"type": "haproxy.fool_checks", "servers": [], "asks": "shop/b"}, "names none"),
        ({"type": "haproxy.fool_checks", "servers": ["shop/"], "asks": "shop/b"}, "not written as backend/server"),
        ({"type": "haproxy.fool_checks", "servers": ["shop/b"], "asks": "shop/b"}, "names one of"),
        ({"type": "process.kill", "instance": "a", "every": "2s"}, "unknown field `every`"),
    ],
)
def test_what_is_wrong_is_named(written, reason):
    with pytest.raises(msgspec.ValidationError, match=reason):
        read(written)


@pytest.mark.parametrize(
    ("written", "instances", "aim"),
    [
        ({"type": "process.kill", "instance": "a"}, ("a",), "a"),
        ({"type": "process.kill", "instances": ["a", "b"]}, ("a", "b"), None),
        ({"type": "process.crash", "instance": "a", "every": "2s"}, ("a",), "a"),
        ({"type": "process.restart", "instances": ["a", "b"]}, ("a", "b"), None),
        ({"type": "process.throttle", "instance": "a", "share": 0.2}, ("a",), "a"),
        ({"type": "process.hog", "processes": 2}, (), None),
        ({"type": "haproxy.drain", "server": "shop/a"}, ("a",), "a"),
        ({"type": "haproxy.fool_checks", "servers": ["shop/a", "shop/b"], "asks": "shop/c"}, ("a", "b"), None),
    ],
)
def test_a_fault_is_the_same_after_it_was_on_disk(written, instances, aim):
    fault = read(written)
    assert (fault.instances(), fault.aims_at()) == (instances, aim)
    record = msgspec.json.encode(fault, enc_hook=values.encode)
    assert msgspec.json.decode(record, type=AnyFault, dec_hook=values.decode) == fault
    assert all(name in fault.describe() for name in instances)


def test_each_is_put_back_though_another_cannot_be(tmp_path):
    control = FakeControl(broken={"shop-1"})
    fault = ProcessKill(Duration(seconds=5), several=("shop-1", "shop-2"))
    hands_of(fault).inject(system(tmp_path, control))
    with pytest.raises(OSError, match="shop-1"):
        hands_of(fault).undo(system(tmp_path, control))
    assert control.running == {"shop-1": False, "shop-2": True}
    with pytest.raises(FaultFailed, match="first"):
        each(["first", "second"], raise_it)


def raise_it(name):
    raise FaultFailed(name)


def test_an_unknown_instance_is_refused(tmp_path):
    with pytest.raises(FaultFailed, match="no instance shop-9"):
        hands_of(ProcessPause(Duration(seconds=5), "shop-9")).check(system(tmp_path))


def test_a_crash_without_a_process_to_be_seen_is_refused_before_the_blow(tmp_path):
    control = FakeControl(pids={"shop-1": 0})
    with pytest.raises(FaultFailed, match="which process"):
        hands_of(ProcessCrash(Duration(seconds=5), "shop-1")).inject(system(tmp_path, control))
    assert control.started == []


class Elsewhere(FakeControl):
    """Processes of other machines: no pids, and a word that tells each from the next."""

    def __init__(self):
        super().__init__()
        self.silent = set()
        self.words = {"shop-1": "first", "shop-2": "first"}

    def states(self):
        told = {name: replace(state, pid=0) for name, state in super().states().items()}
        return told | {name: unknown("no route") for name in self.silent}

    def identity(self, instance):
        if instance in self.silent:
            raise SignalUnavailable("no route")
        return self.words[instance]

    def start(self, instance):
        if not self.running[instance]:
            self.words[instance] += " and another"
        super().start(instance)


@pytest.mark.parametrize("kind", [ProcessCrash, ProcessRestart])
def test_a_process_elsewhere_is_known_by_its_identity(tmp_path, kind):
    control, hands = Elsewhere(), hands_of(kind(Duration(seconds=5), "shop-1"))
    there = system(tmp_path, control)
    hands.check(there)
    hands.inject(there)
    proof = hands.in_place(there)
    assert (proof.holds, proof.detail) == (True, "shop-1 was first, and is RUNNING, with no pid on this machine")
    # Had nobody ended it, it would be what it was.
    control.words["shop-1"] = "first"
    assert (hands.in_place(there).holds, hands.in_place(there).detail) == (False, "shop-1 is still first")
    control.running["shop-1"] = False
    assert hands.in_place(there).holds
    hands.undo(there)
    assert hands.undone(there).holds


@pytest.mark.parametrize("kind", [ProcessKill, ProcessCrash, ProcessRestart, ProcessPause])
def test_an_instance_of_which_nobody_can_say_is_never_taken_for_broken_or_put_back(tmp_path, kind):
    control, hands = Elsewhere(), hands_of(kind(Duration(seconds=5), "shop-1"))
    there = system(tmp_path, control)
    hands.inject(there)
    control.silent = {"shop-1"}
    if kind is not ProcessPause:
        with pytest.raises(SignalUnavailable, match=r"shop-1: UNKNOWN \(no route\)"):
            hands.in_place(there)
    for look in (hands.check, hands.undone):
        with pytest.raises(SignalUnavailable, match=r"shop-1: UNKNOWN \(no route\)"):
            look(there)


def test_one_of_which_nobody_can_say_is_in_nobody_elses_way(tmp_path):
    control, hands = Elsewhere(), hands_of(ProcessKill(Duration(seconds=5), "shop-1"))
    control.silent = {"shop-2"}
    there = system(tmp_path, control)
    hands.check(there)
    hands.inject(there)
    assert hands.in_place(there).holds
    hands.undo(there)
    assert hands.undone(there).holds
    assert preflight.unwell(there) == "shop-2: UNKNOWN (no route)"


def test_again_and_again_is_refused_where_nobody_sees_how_old_a_process_is(tmp_path):
    fault = ProcessCrash(Duration(seconds=5), "shop-1", every=Duration(seconds=1))
    with pytest.raises(FaultFailed, match="how old shop-1 is"):
        hands_of(fault).check(system(tmp_path, Elsewhere()))
