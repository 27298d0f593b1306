"""What `make doctor` says of this machine, and of one that lacks something; it needs no Python environment."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from compose.settings import ROOT
from compose.tools import find
from tests.conftest import TEST_PORT_BASE

_COMMANDS = (
    *("awk", "bash", "cat", "cut", "df", "dirname", "find", "grep", "head", "id", "nproc", "sed", "sh", "sort", "tail"),
    *("timeout", "tr", "uname", "wc"),
)


def _doctor(**environment: str) -> tuple[int, str]:
    done = subprocess.run(
        (shutil.which("bash"), str(ROOT / "tools/doctor.sh")),
        env={"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], "STORMDRILL_PORT_BASE": TEST_PORT_BASE}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def bare(tmp_path) -> dict[str, str]:
    """A machine without servers, Docker, Python and apt."""
    for name in _COMMANDS:
        if path := shutil.which(name):
            (tmp_path / name).symlink_to(path)
    return {"PATH": str(tmp_path)}


def test_a_machine_that_has_all_is_ready_for_the_native_runtime():
    code, said = _doctor(RUNTIME="native")
    assert code == 0, said
    assert "native: ready" in said
    assert f"all of 127.0.0.1:{TEST_PORT_BASE} to {int(TEST_PORT_BASE) + 199} are free" in said
    for name in ("haproxy", "postgres", "redis-server", "prometheus"):
        assert f"({find().path(name)})" in said


def test_a_port_that_is_taken_is_named_with_its_owner():
    port, comm = int(TEST_PORT_BASE) + 150, Path("/proc/self/comm").read_text().strip()
    with socket.create_server(("127.0.0.1", port)):
        code, said = _doctor(RUNTIME="native")
    assert code == 1
    assert f"port {port} is taken by {comm} (pid {os.getpid()})" in said


def test_what_is_missing_without_apt_is_in_the_way_each_in_a_line(bare):
    code, said = _doctor(RUNTIME="native", **bare)
    assert code == 1
    missing = [line for line in said.splitlines() if "MISSING" in line]
    for package in ("python3", "redis-server", "prometheus-alertmanager"):
        assert any(f" {package}: not found" in line for line in missing), said
    assert any("docker: not found" in line for line in missing)


def test_containers_are_judged_by_themselves(bare):
    code, said = _doctor(RUNTIME="compose", **bare)
    assert code == 1
    assert "docker: not found: install Docker Engine" in said
    assert "`make up` here means RUNTIME=compose" in said


def test_a_server_that_is_too_old_is_said(tmp_path):
    old = tmp_path / "prometheus"
    # Ubuntu 22.04's, as it says it.
    old.write_text("#!/bin/sh\necho 'prometheus, version 2.31.2+ds1 (branch: debian/sid, revision: 2.31.2)'\n")
    old.chmod(0o755)
    code, said = _doctor(RUNTIME="native", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert code == 1
    assert (
        "MISSING   prometheus 2.31.2 is too old: 2.42 or newer is needed, as the alert rules say keep_firing_for"
        in said
    )


def test_a_limit_on_open_files_that_haproxy_does_not_start_with_is_said():
    script = f"ulimit -n 4096; exec bash {ROOT}/tools/doctor.sh"
    done = subprocess.run(("bash", "-c", script), capture_output=True, text=True, timeout=60, check=False)
    assert "4096 open files a process, 17000 are needed" in done.stdout
