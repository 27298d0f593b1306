"""A container's pid counts only where it is a process of this machine, in that container."""

import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from docker.errors import NotFound

from chaos.control import docker
from chaos.errors import FaultFailed, SignalUnavailable


def container(id_, pid):
    return SimpleNamespace(id=id_, attrs={"State": {"Status": "running", "Pid": pid}}, reload=lambda: None)


def test_a_process_of_the_container_is_known_by_its_pid():
    ours = Path("/proc/self/cgroup").read_text().splitlines()[0]
    assert docker._state(container(ours, os.getpid())).pid == os.getpid()


@pytest.mark.parametrize("pid", [os.getpid(), 0, 2**22 + 1])
def test_a_pid_of_another_machine_is_nobody_here(pid):
    state = docker._state(container("f" * 64, pid))
    assert (state.running, state.pid) == (True, 0)


def test_a_stranger_with_the_same_pid_is_never_killed(monkeypatch):
    control = docker.DockerControl("whose=ours")
    monkeypatch.setattr(control, "_containers", lambda: {"shop-1": container("f" * 64, os.getpid())})
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a stranger was signalled"))
    with pytest.raises(FaultFailed, match="not one of this machine"):
        control.crash("shop-1")


def of_service(number, project="mine", service="web", oneoff="False"):
    labels = {
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": str(number),
        "com.docker.compose.project": project,
        "com.docker.compose.oneoff": oneoff,
    }
    return Listed(f"{project}-{service}-{number}", {"Labels": labels, "State": "running"})


class Listed(SimpleNamespace):
    """A container as the engine lists it, without looking into it; it does so when it is told to."""

    def __init__(self, id_, attrs, look=lambda: None):
        super().__init__(id=id_, labels=attrs["Labels"], attrs=attrs, look=look)

    def reload(self):
        self.look()
        self.attrs = {"Config": {"Labels": self.labels}, "State": STARTED, "HostConfig": {}}


STARTED = {"Status": "running", "Pid": 0, "StartedAt": "2026-01-01T00:00:00.1Z"}


def controlling(monkeypatch, *containers, instances=frozenset()):
    control = docker.DockerControl("a=b", instances)
    by_id = {one.id: one for one in containers}

    def get(id_):
        by_id[id_].reload()
        return by_id[id_]

    listed = SimpleNamespace(containers=SimpleNamespace(list=lambda **_: list(containers), get=get))
    monkeypatch.setattr(control, "_client", lambda: listed)
    return control


def test_what_was_run_beside_a_service_is_none_of_its_instances(monkeypatch):
    control = controlling(monkeypatch, of_service(1), of_service(1, oneoff="True"))
    assert list(control.states()) == ["web"]
    assert control._container("web").labels["com.docker.compose.oneoff"] == "False"


def test_of_several_containers_each_has_its_number_and_the_choice_is_refused(monkeypatch):
    control = controlling(monkeypatch, *(of_service(number) for number in (1, 2, 3)), of_service(1, service="db"))
    assert list(control.states()) == ["web-1", "web-2", "web-3", "db"]
    assert control._container("web-2").id == "mine-web-2"
    with pytest.raises(FaultFailed, match="3 containers of web: name web-1 or web-2 or web-3"):
        control._container("web")


def test_two_projects_with_one_label_are_refused(monkeypatch):
    control = controlling(monkeypatch, of_service(1), of_service(1, project="yours"))
    with pytest.raises(SignalUnavailable, match="of the projects mine and yours"):
        control.states()


def test_the_last_one_left_of_several_keeps_the_number_that_the_target_knows_it_by(monkeypatch):
    known = frozenset(("web-1", "web-2", "db"))
    assert list(controlling(monkeypatch, of_service(2), instances=known).states()) == ["web-2"]
    assert list(controlling(monkeypatch, of_service(1, service="db"), instances=known).states()) == ["db"]
    # Another replica than those that the target names is none of them.
    assert list(controlling(monkeypatch, of_service(3), instances=known).states()) == ["web"]


def test_a_container_that_the_engine_cannot_get_hold_of_says_nothing_of_the_others(monkeypatch):
    def hangs():
        raise requests.exceptions.ReadTimeout("Read timed out.")

    stuck = of_service(2)
    stuck.look = hangs
    control = controlling(monkeypatch, of_service(1), stuck, of_service(3))
    states = control.states()
    assert [name for name, state in states.items() if state.running] == ["web-1", "web-3"]
    assert states["web-2"].state == "UNKNOWN"
    assert "timed out" in states["web-2"].why
    assert control._container("web-1").id == "mine-web-1"
    with pytest.raises(SignalUnavailable, match="timed out"):
        control._container("web-2")


def test_an_engine_that_has_trouble_with_many_is_waited_for_once(monkeypatch):
    together = threading.Barrier(4)

    def hangs():
        together.wait(30)  # had another to end first, it would be the end of all
        raise requests.exceptions.ReadTimeout("Read timed out.")

    containers = [of_service(number) for number in range(1, 9)]
    containers[1].look = lambda: (_ for _ in ()).throw(requests.exceptions.ReadTimeout("Read timed out."))
    for one in containers[2:6]:
        one.look = hangs
    states = controlling(monkeypatch, *containers).states()
    assert list(states) == [f"web-{number}" for number in range(1, 9)]
    assert [name for name, state in states.items() if state.running] == ["web-1", "web-7", "web-8"]


def test_a_container_that_goes_while_it_is_looked_at_is_not_there(monkeypatch):
    def gone():
        raise NotFound("No such container")

    going = of_service(2)
    going.look = gone
    control = controlling(monkeypatch, of_service(1), going)
    assert list(control.states()) == ["web-1"]
    with pytest.raises(SignalUnavailable, match="web-2 any more"):
        control._container("web-2")


def test_a_container_of_another_machine_is_told_from_the_next_by_its_start(monkeypatch):
    control = controlling(monkeypatch, of_service(1))
    first = control.identity("web")
    assert first == "container mine-web-1 started at 2026-01-01T00:00:00.1Z"
    monkeypatch.setitem(STARTED, "StartedAt", "2026-01-01T00:00:09.1Z")
    assert control.identity("web") != first
