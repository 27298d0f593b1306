"""What `make doctor` takes for a stack, an engine and enough memory, in states that are hard to make."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.settings import MOST_WORKERS, ROOT, InvalidSettings, from_environment


def _doctor(call: str, before: str = "", **environment: str) -> list[str]:
    script = (ROOT / "tools/doctor.sh").read_text()
    functions = script[: script.index("chosen=$(runtime)")]
    done = subprocess.run(
        ("bash", "-c", f"{before}\n{functions}\n{call}", str(ROOT / "tools/doctor.sh")),
        env={"HOME": "/", "PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert not done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


@pytest.fixture
def state(tmp_path) -> Path:
    """The folder of a stack that was up."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/supervisord.conf").touch()
    (tmp_path / "stormdrill-stack").write_text("native (19000, 1, [])")
    return tmp_path


@pytest.fixture
def supervisord(state) -> Iterator[int]:
    """The pid of a process with supervisord's arguments."""
    line = "print('there', flush=True); input()"
    process = subprocess.Popen(
        (sys.executable, "-c", line, "-c", str(state / "config/supervisord.conf")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    yield process.pid
    process.communicate(b"\n")


def test_the_ports_of_a_stack_that_is_up_are_its_own(state, supervisord):
    (state / "supervisord.pid").write_text(f"{supervisord}\n")
    said = _doctor("check_ports", STORMDRILL_STATE=str(state))
    assert said == ["ports", f"note a stack is up in {state}, runtime native: its ports are its own"]


@pytest.mark.parametrize("left", ["no pid", "a pid of nobody", "a pid that another process has"])
def test_a_stack_that_a_crash_ended_is_not_up_and_its_ports_are_looked_at(state, left):
    if left != "no pid":
        pid = os.getpid() if left == "a pid that another process has" else 2**22 + 1  # above every pid_max
        (state / "supervisord.pid").write_text(f"{pid}\n")
    taken = "taken_ports() { echo 18005 'redis-server (pid 7)'; }"
    said = _doctor(f"{taken}; check_ports", STORMDRILL_STATE=str(state))
    assert said[1].startswith(f"note no process manager runs for the stack in {state}, runtime native")
    assert said[2].startswith("MISSING port 18005 is taken by redis-server")


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (["18005 redis-server (pid 7)"], "port 18005 is taken by redis-server (pid 7): end it"),
        (
            [
                "18000 haproxy (pid 12)",
                "18001 redis-server (pid 7)",
                "18002 haproxy (pid 12)",
                "18003 redis-server (pid 8)",
            ],
            "4 ports are taken, 18000-18003, by haproxy (pid 12), redis-server (pids 7, 8): end them",
        ),
        (
            ["18000 a b (c) (pid 7)", "18002 a process of another user", "18199 a process of another user"],
            "3 ports are taken, 18000, 18002, 18199, by a b (c) (pid 7), a process of another user: end them",
        ),
        (
            [f"{port} haproxy (pid 12)" for port in range(18000, 18200)],
            "200 ports are taken, 18000-18199, by haproxy (pid 12): end them",
        ),
    ],
)
def test_ports_that_are_taken_are_one_finding(taken, said, tmp_path):
    lines = "\n".join(taken)
    there = _doctor(f"taken_ports() {{ echo '{lines}'; }}; check_ports", STORMDRILL_STATE=str(tmp_path))
    assert there == ["ports", f"MISSING {said}, or move the whole stack: STORMDRILL_PORT_BASE=<port>"]


_DOCKER = """
timeout() { shift; within_deadline=1 "$@"; }
docker() {
    [ -n "${within_deadline:-}" ] || echo "docker $*" >>"$asked_without"
    case $* in
        'version --format'*) echo 24.0.7 ;;
        version) echo "Client: $client" && seq 100000 ;;
        'compose version --short') echo 2.40.3 ;;
        'info --format'*) echo true ;;
    esac
}
"""
"""A shell function in place of docker: it answers what Docker 24 does, at length, and notes what has no deadline."""


@pytest.mark.parametrize(
    ("client", "said"), [("Docker", "ok Docker Engine 24.0.7"), ("Podman Engine", "docker is Podman here")]
)
def test_podman_is_told_whatever_else_it_says_and_no_engine_is_asked_without_a_deadline(client, said, tmp_path):
    without = tmp_path / "asked-without"
    without.touch()
    lines = _doctor("check_containers", before=_DOCKER, client=client, asked_without=str(without))
    assert said in lines[1]
    assert without.read_text() == ""


@pytest.mark.parametrize(("workers", "needed"), [("", 2048), ("1", 2048), ("2", 2423), (str(MOST_WORKERS), 4673)])
def test_the_memory_that_is_needed_grows_with_the_workers(workers, needed):
    assert _doctor("needed_memory", STORMDRILL_WORKERS=workers) == [str(needed)]
    # The kernel's word, as of a machine that has one MiB too little.
    meminfo = (
        f'sed() {{ if [ "${{3:-}}" = /proc/meminfo ]; then echo {(needed - 1) * 1024}; else command sed "$@"; fi; }}'
    )
    (said,) = [
        line for line in _doctor("check_machine", before=meminfo, STORMDRILL_WORKERS=workers) if " of memory" in line
    ]
    assert said.startswith(f"MISSING {needed - 1} MiB of memory available, {needed} are needed: end something else")
    assert ("lower STORMDRILL_WORKERS" in said) == (needed > 2048)


@pytest.mark.parametrize(("shops", "workers", "needed"), [("1", "2", 2273), ("3", "2", 2423), ("5", "2", 2873)])
def test_the_memory_that_is_needed_grows_with_the_shops(shops, workers, needed):
    assert _doctor("needed_memory", STORMDRILL_SHOPS=shops, STORMDRILL_WORKERS=workers) == [str(needed)]


@pytest.mark.parametrize(("shops", "last"), [("3", 18199), ("4", 18299)])
def test_more_shops_want_more_ports(shops, last, tmp_path):
    call = "taken_ports() { :; }; check_ports"
    said = _doctor(call, STORMDRILL_SHOPS=shops, STORMDRILL_STATE=str(tmp_path / "none"))
    assert f"all of 127.0.0.1:18000 to {last} are free" in " ".join(said)


@pytest.mark.parametrize("workers", ["0", str(MOST_WORKERS + 1), "two"])
def test_workers_that_up_would_refuse_are_refused(workers):
    with pytest.raises(InvalidSettings) as refused:
        from_environment({"STORMDRILL_WORKERS": workers})
    script = f". {ROOT}/tools/doctor.sh"
    done = subprocess.run(
        ("bash", "-c", script, str(ROOT / "tools/doctor.sh")),
        env={"HOME": "/", "PATH": os.environ["PATH"], "STORMDRILL_WORKERS": workers},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"doctor: {refused.value}\n"
