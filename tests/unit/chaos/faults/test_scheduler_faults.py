"""Draining a node and scaling a service: refused where they would be in vain, proven, and put back as it was."""

from dataclasses import replace

import pytest

from chaos.control.port import ProcessState, Replicas
from chaos.errors import FaultFailed
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.spec.faults.scheduler import NodeDrain, ServiceScale
from chaos.spec.values import Duration
from tests.fakes import FakeSwarm, system

HELD = Duration(seconds=10)


@pytest.fixture
def swarm(tmp_path):
    return System(system(tmp_path).target, FakeSwarm())


def test_a_drain_frees_the_node_of_an_instance_and_gives_it_back(swarm):
    fault = NodeDrain(HELD, "shop-2")
    hands_of(fault).check(swarm)
    assert not hands_of(fault).in_place(swarm).holds
    assert hands_of(fault).inject(swarm) == "node host-a is to be drained"
    assert hands_of(fault).in_place(swarm).holds
    assert not hands_of(fault).undone(swarm).holds
    hands_of(fault).undo(swarm)
    hands_of(fault).undo(swarm)
    assert swarm.control.there["a"].availability == "active"
    assert hands_of(fault).undone(swarm).holds


def test_a_drain_is_undone_only_when_every_instance_runs(swarm):
    fault = NodeDrain(HELD, "shop-2")
    hands_of(fault).inject(swarm)
    hands_of(fault).undo(swarm)
    swarm.control.running["shop-2"] = False
    assert not hands_of(fault).undone(swarm).holds


@pytest.mark.parametrize("nodes", [("a",), ("a", "paused"), ("a", "away")])
def test_the_last_node_is_not_drained(tmp_path, nodes):
    control = FakeSwarm(nodes)
    if "paused" in nodes:
        control.there["paused"] = replace(control.there["paused"], availability="pause")
    if "away" in nodes:
        control.there["away"] = replace(control.there["away"], ready=False)
    with pytest.raises(FaultFailed, match="no other active node"):
        hands_of(NodeDrain(HELD, "shop-2")).check(System(system(tmp_path).target, control))


def test_an_undo_before_the_blow_changes_nothing(swarm):
    for fault in (NodeDrain(HELD, "shop-2"), ServiceScale(HELD, "shop", 5)):
        hands_of(fault).undo(swarm)
        assert hands_of(fault).undone(swarm).holds
    assert swarm.control.told == []


def test_a_service_is_scaled_and_has_its_old_number_again(swarm):
    fault = ServiceScale(HELD, "shop", 5)
    hands_of(fault).check(swarm)
    assert hands_of(fault).inject(swarm) == "shop is to have 5 replicas, and had 3"
    assert hands_of(fault).in_place(swarm).holds
    assert not hands_of(fault).undone(swarm).holds
    hands_of(fault).undo(swarm)
    hands_of(fault).undo(swarm)
    assert swarm.control.told == [("shop", 5), ("shop", 3)]
    assert hands_of(fault).undone(swarm).holds


def test_a_scale_to_what_is_there_is_refused(swarm):
    with pytest.raises(FaultFailed, match="has 3 replicas already"):
        hands_of(ServiceScale(HELD, "shop", 3)).check(swarm)


def test_a_service_that_is_not_at_rest_is_refused(swarm, monkeypatch):
    monkeypatch.setattr(swarm.control, "replicas", lambda _: Replicas(3, 2))
    with pytest.raises(FaultFailed, match="2 replicas of 3 run"):
        hands_of(ServiceScale(HELD, "shop", 5)).check(swarm)


def test_where_no_swarm_runs_the_instances_both_are_refused(tmp_path):
    plain = system(tmp_path)
    assert plain.control.states() == dict.fromkeys(("shop-1", "shop-2"), ProcessState("RUNNING", 7))
    for fault in (NodeDrain(HELD, "shop-2"), ServiceScale(HELD, "shop", 5)):
        with pytest.raises(FaultFailed, match="not run by a Swarm"):
            hands_of(fault).check(plain)


def test_what_somebody_else_scaled_since_is_left_and_said(swarm):
    fault = ServiceScale(HELD, "shop", 5)
    hands_of(fault).inject(swarm)
    swarm.control.wanted = 8
    hands_of(fault).undo(swarm)
    assert swarm.control.wanted == 8
    assert hands_of(fault).undone(swarm).holds
    assert "scaled to 8 by somebody else" in hands_of(fault).undone(swarm).detail


@pytest.mark.parametrize(
    ("said", "words"), [("pause", "was made pause by somebody else"), (None, "has left the Swarm")]
)
def test_what_somebody_else_said_of_a_node_since_is_left_and_said(swarm, said, words):
    fault = NodeDrain(HELD, "shop-2")
    hands_of(fault).inject(swarm)
    if said:
        swarm.control.there["a"] = replace(swarm.control.there["a"], availability=said)
    else:
        del swarm.control.there["a"]
    told = len(swarm.control.told)
    hands_of(fault).undo(swarm)
    assert len(swarm.control.told) == told
    assert hands_of(fault).undone(swarm).holds
    assert words in hands_of(fault).undone(swarm).detail
