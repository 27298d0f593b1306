"""A container's pid counts only where it is a process of this machine, in that container."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from chaos.control import docker
from chaos.errors import FaultFailed, SignalUnavailable


def container(id_, pid):
    return SimpleNamespace(id=id_, attrs={"State": {"Status": "running", "Pid": pid}})


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
    return SimpleNamespace(id=f"{project}-{service}-{number}", labels=labels, attrs=container("", 0).attrs)


def controlling(monkeypatch, *containers):
    control = docker.DockerControl("a=b")
    listed = SimpleNamespace(containers=SimpleNamespace(list=lambda **_: list(containers)))
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
