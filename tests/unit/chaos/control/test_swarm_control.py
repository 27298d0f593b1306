"""A Swarm's replicas as instances: by their slot, the newest task of each, and none that can be kept down."""

import pytest

from chaos.control import swarm
from chaos.control.docker import DockerControl
from chaos.control.port import CpuLimits, ProcessState, Scheduler
from chaos.errors import FaultFailed


def task(slot, state="running", created="2026-01-01", node="n1", desired="running"):
    return {
        "DesiredState": desired,
        "ID": f"task-{slot}-{created}",
        "ServiceID": "s1",
        "Slot": slot,
        "NodeID": node,
        "CreatedAt": created,
        "Spec": {"ContainerSpec": {"Labels": {"io.stormdrill.service": "shop"}}},
        "Status": {"State": state, "ContainerStatus": {"ContainerID": "f" * 64, "PID": 2**22 + 1}},
    }


class Api:
    def __init__(self, tasks):
        self.listed = tasks

    def tasks(self, filters):
        assert filters == {"label": "whose=ours"}
        return self.listed


@pytest.fixture
def control(monkeypatch):
    made = swarm.SwarmControl("whose=ours")
    made.api = Api(
        [
            task(2, "preparing", created="2026-01-02", desired="ready"),
            task(1),
            task(2, "failed", desired="shutdown"),
            task(3, "failed", created="2026-01-03", desired="shutdown"),
            task(3),
        ]
    )
    monkeypatch.setattr(made, "_client", lambda: made)
    monkeypatch.setattr(DockerControl, "states", lambda _: {"haproxy": ProcessState("RUNNING", 5)})
    return made


def test_replicas_go_by_the_order_of_their_slots_and_a_new_one_counts_for_the_old(control):
    assert control.states() == {
        "haproxy": ProcessState("RUNNING", 5),
        "shop-1": ProcessState("RUNNING", 0),
        "shop-2": ProcessState("STARTING", 0),
        "shop-3": ProcessState("RUNNING", 0),
    }


def test_replicas_are_numbered_whatever_slots_they_have(control):
    control.api.listed = [task(4), task(1), task(3)]
    assert {name for name in control.states() if name.startswith("shop")} == {"shop-1", "shop-2", "shop-3"}
    names = [control.calls_itself(name) for name in ("shop-1", "shop-2", "shop-3", "haproxy")]
    assert names == ["shop-1", "shop-3", "shop-4", "haproxy"]


def test_a_replica_that_has_no_container_yet_is_starting():
    pending = task(1, "assigned")
    del pending["Status"]["ContainerStatus"]
    assert swarm._state(pending) == ProcessState("STARTING", 0)


@pytest.mark.parametrize("what", ["kill", "stop"])
def test_no_replica_can_be_kept_down(control, what):
    with pytest.raises(FaultFailed, match="puts another replica in its place"):
        getattr(control, what)("shop-1")


def test_only_a_swarm_schedules_and_both_limit_cpu(control):
    assert isinstance(control, Scheduler)
    assert isinstance(control, CpuLimits)
    assert not isinstance(DockerControl("a=b"), Scheduler)
