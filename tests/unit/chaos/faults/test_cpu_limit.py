"""A throttle where instances have CPU limits: the limit is lowered, and given back as it was."""

import pytest

from chaos.control.port import CpuLimit
from chaos.errors import FaultFailed
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.spec.faults.cpu import ProcessThrottle
from chaos.spec.values import Duration
from tests.fakes import FakeControl, system

ONE_CORE = CpuLimit(100_000, 100_000)
HELD = Duration(seconds=10)
FAULT = ProcessThrottle(HELD, "shop-2", 0.2, Duration(milliseconds=500))


class LimitedControl(FakeControl):
    """Processes in memory, each with a CPU limit."""

    def __init__(self, limit):
        super().__init__()
        self.limits = dict.fromkeys(("shop-1", "shop-2"), limit)

    def cpu_limit(self, instance):
        return self.limits[instance]

    def limit_cpu(self, instance, limit):
        self.limits[instance] = limit


@pytest.fixture
def limited(tmp_path):
    made = system(tmp_path)
    return System(made.target, LimitedControl(ONE_CORE))


def test_the_limit_is_lowered_and_given_back(limited):
    hands_of(FAULT).check(limited)
    assert not hands_of(FAULT).in_place(limited).holds
    assert hands_of(FAULT).inject(limited) == (
        "shop-2 may use 100 ms of CPU in every 500; before, 100 ms of CPU in every 100"
    )
    assert limited.control.limits == {"shop-1": ONE_CORE, "shop-2": CpuLimit(100_000, 500_000)}
    assert hands_of(FAULT).in_place(limited).holds
    assert not hands_of(FAULT).undone(limited).holds
    for _ in range(2):
        hands_of(FAULT).undo(limited)
        assert limited.control.limits["shop-2"] == ONE_CORE
    assert hands_of(FAULT).undone(limited).holds


def test_an_undo_without_an_injection_changes_nothing(limited):
    hands_of(FAULT).undo(limited)
    assert limited.control.limits["shop-2"] == ONE_CORE
    assert hands_of(FAULT).undone(limited).holds


def test_no_limit_is_put_back_as_none(tmp_path):
    free = System(system(tmp_path).target, LimitedControl(CpuLimit(0, 100_000)))
    hands_of(FAULT).check(free)
    hands_of(FAULT).inject(free)
    hands_of(FAULT).undo(free)
    assert free.control.limits["shop-2"] == CpuLimit(0, 100_000)


def test_an_instance_that_has_less_already_is_left_alone(tmp_path):
    slow = System(system(tmp_path).target, LimitedControl(CpuLimit(10_000, 100_000)))
    with pytest.raises(FaultFailed, match="no higher: 10 ms of CPU in every 100"):
        hands_of(FAULT).check(slow)


def test_a_period_that_the_kernel_does_not_know_is_refused(limited):
    with pytest.raises(FaultFailed, match="1s at most"):
        hands_of(ProcessThrottle(HELD, "shop-2", 0.2, Duration(seconds=2))).check(limited)


def test_a_limit_that_somebody_else_gave_since_is_left_and_said(limited):
    hands_of(FAULT).inject(limited)
    theirs = CpuLimit(50_000, 100_000)
    limited.control.limits["shop-2"] = theirs
    hands_of(FAULT).undo(limited)
    assert limited.control.limits["shop-2"] == theirs
    assert hands_of(FAULT).undone(limited).holds
    assert "somebody else gave shop-2 50 ms of CPU in every 100" in hands_of(FAULT).undone(limited).detail
