"""What `make doctor` says of this machine, and of one that lacks something; it needs no Python environment."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from compose import sizing
from compose.limits import Limits
from compose.settings import ROOT, StackSettings
from compose.tools import find
from tests.conftest import TEST_PORT_BASE

# The stack of other tests is up on the first of these.
_PORT_BASE = str(int(TEST_PORT_BASE) + 400)
_COMMANDS = (
    *("awk", "bash", "cat", "cut", "df", "dirname", "find", "grep", "head", "id", "nproc", "sed", "sh", "sort", "tail"),
    *("sha256sum", "timeout", "tr", "uname", "wc", "xargs"),
)


def _doctor(before: str = "", **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        (shutil.which("bash"), "-c", f"{before}\n. {ROOT}/tools/doctor.sh", str(ROOT / "tools/doctor.sh")),
        env={"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], "STORMDRILL_PORT_BASE": _PORT_BASE} | environment,
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
    assert f"all of 127.0.0.1:{_PORT_BASE} to {int(_PORT_BASE) + 199} are free" in said
    for name in ("haproxy", "postgres", "redis-server", "prometheus"):
        assert f"({find().path(name)})" in said


def test_all_that_is_in_the_way_is_said_at_once_each_with_its_reason(tmp_path):
    old = tmp_path / "prometheus"
    # Ubuntu 22.04's, as it says it.
    old.write_text("#!/bin/sh\necho 'prometheus, version 2.31.2+ds1 (branch: debian/sid, revision: 2.31.2)'\n")
    old.chmod(0o755)
    port, comm = int(_PORT_BASE) + 150, Path("/proc/self/comm").read_text().strip()
    with socket.create_server(("127.0.0.1", port)):
        code, said = _doctor("ulimit -n 2048", RUNTIME="native", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert code == 1
    assert f"MISSING   port {port} is taken by {comm} (pid {os.getpid()}): end it" in said
    assert "MISSING   prometheus 2.31.2 is too old: 2.42 or newer is needed, as the alert rules say" in said
    # supervisord would not start.
    assert "MISSING   2048 open files a process, 4096 are needed" in said
    assert "native: 3 things are in the way" in said


def test_few_files_are_fewer_connections():
    _, said = _doctor("ulimit -n 8200", RUNTIME="native")
    limits = Limits(8200, 2**40, 1)
    room = sizing.size(StackSettings(18000, Path(), Path(), 1, limits=limits)).connections
    assert f"8200 open files a process: HAProxy has room for {room} connections" in said


_LISTENS = "import socket, sys; it = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); input()"


def test_ports_that_are_taken_are_one_line_with_all_who_have_them():
    first, comm = int(_PORT_BASE) + 150, Path("/proc/self/comm").read_text().strip()
    with ExitStack() as taken:
        for port in (first, first + 1, first + 2, first + 9):
            taken.enter_context(socket.create_server(("127.0.0.1", port)))
        other = taken.enter_context(
            subprocess.Popen(
                (sys.executable, "-c", _LISTENS, str(first + 3)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        other.stdout.readline()
        name = Path(f"/proc/{other.pid}/comm").read_text().strip()
        code, said = _doctor(RUNTIME="native")
        other.stdin.write(b"\n")
    assert code == 1
    mine, others = os.getpid(), other.pid
    owners = f"{comm} (pids {mine}, {others})" if name == comm else f"{comm} (pid {mine}), {name} (pid {others})"
    found = f"5 ports are taken, {first}-{first + 3}, {first + 9}, by {owners}"
    assert [line.strip() for line in said.splitlines() if "taken" in line] == [
        f"MISSING   {found}: end them, or move the whole stack: STORMDRILL_PORT_BASE=<port>"
    ]


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
