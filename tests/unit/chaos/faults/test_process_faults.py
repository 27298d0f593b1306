"""Faults of processes and of the balancer as they are written, put on disk and read back."""

import msgspec
import pytest

from chaos.errors import FaultFailed
from chaos.faults.process import each
from chaos.faults.table import hands_of
from chaos.spec import values
from chaos.spec.faults.process import ProcessCrash, ProcessKill, ProcessPause
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
