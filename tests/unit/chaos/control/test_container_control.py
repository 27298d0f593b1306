"""A container's pid counts only where it is a process of this machine, in that container."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from chaos.control import docker
from chaos.errors import FaultFailed


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
