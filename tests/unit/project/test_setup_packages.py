"""What set-up installs for which runtime: the servers for the native one only, and the same runtime that `up` means."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compose import runtime
from compose.settings import ROOT, from_environment
from compose.state_folder import mark_of

# On a machine with Python and Docker, but none of the servers.
_PRESENT = ("bash", "id", "uname", "find", "sort", "comm", "cat", "setpriv", "docker")
_SERVERS = {
    "haproxy",
    "redis-server",
    "redis-tools",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-postgres-exporter",
    "prometheus-redis-exporter",
}


@pytest.fixture
def bare(tmp_path) -> dict[str, str]:
    """The environment of a machine without servers, and without apt."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in _PRESENT:
        if path := shutil.which(name):
            (folder / name).symlink_to(path)
    # A virtual environment's link would not know its own packages under another name.
    (folder / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python3").chmod(0o755)
    return {"PATH": str(folder), "HOME": str(tmp_path), "STORMDRILL_STATE": str(tmp_path / "state")}


def _tell(environment: dict[str, str], function: str) -> tuple[int, list[str]]:
    script = f"""
        set -euo pipefail
        root={ROOT}
        fail() {{ echo "$*"; exit 2; }}
        . {ROOT}/tools/packages.sh
        {function}
    """
    done = subprocess.run(("bash", "-c", script), env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout.split()


def test_containers_need_no_server(bare):
    assert _tell(bare, "missing_packages compose") == (0, [])
    assert _tell(bare, "missing_packages swarm") == (0, [])
    assert _tell(bare, "missing_packages python") == (0, [])


def test_the_native_runtime_needs_all(bare):
    code, packages = _tell(bare, "missing_packages native")
    assert code == 0
    assert set(packages) - {"postgresql"} == _SERVERS


def test_etcd_is_for_who_tests_a_stack_that_is_not_ours(bare):
    _, packages = _tell(bare, "missing_packages foreign")
    assert set(packages) - {"postgresql", "openssh-server"} == {*_SERVERS, "etcd-server"}
    _, packages = _tell(bare, "missing_packages native")
    assert not {"etcd-server", "openssh-server"} & set(packages)


def test_who_measures_claims_needs_one_program_more(bare):
    _, native = _tell(bare, "missing_packages native")
    code, claims = _tell(bare, "missing_packages claims")
    assert code == 0
    assert set(claims) == {*native, "wrk"}
    (Path(bare["PATH"]) / "wrk").write_text("#!/bin/sh\n")
    (Path(bare["PATH"]) / "wrk").chmod(0o755)
    assert _tell(bare, "missing_packages claims") == (0, native)


def test_the_browser_is_for_who_tests_the_console(bare):
    assert _tell(bare, "missing_packages browser") == (0, ["chromium", "npm"])
    for name in ("chromium", "npm"):
        (Path(bare["PATH"]) / name).write_text("#!/bin/sh\n")
        (Path(bare["PATH"]) / name).chmod(0o755)
    assert _tell(bare, "missing_packages browser") == (0, [])


def test_the_tests_own_engine_is_for_who_asks_for_it(bare):
    _, packages = _tell(bare | {"STORMDRILL_OWN_DOCKER": "1"}, "missing_packages compose")
    assert "mmdebstrap" in packages
    assert _tell(bare | {"STORMDRILL_OWN_DOCKER": "1"}, "missing_packages python") == (0, [])


def test_a_python_that_cannot_make_an_environment_is_the_last_choice(bare):
    newer = Path(bare["PATH"]) / "python3.14"
    # As Debian's without its package for venv.
    newer.write_text("#!/bin/sh\ncase $2 in *venv*) exit 1 ;; esac\n")
    newer.chmod(0o755)
    assert _tell(bare, "find_python") == (0, [f"{bare['PATH']}/python3"])
    (newer.parent / "python3").unlink()
    assert _tell(bare, "find_python") == (0, [str(newer)])
    assert _tell(bare, "missing_packages python") == (0, ["python3-venv"])


_STATUS = """Package: {package}
Status: {status}
Version: 1
Architecture: all
Maintainer: nobody
Description: none

"""


def _dpkg_knows(bare: dict[str, str], admindir: Path, **statuses: str) -> dict[str, str]:
    """The environment in which the real dpkg-query finds these packages."""
    (Path(bare["PATH"]) / "dpkg-query").symlink_to(shutil.which("dpkg-query"))
    (admindir / "updates").mkdir(parents=True)
    rows = (
        _STATUS.format(package=name.replace("_", "-"), status=f"install ok {status}")
        for name, status in statuses.items()
    )
    (admindir / "status").write_text("".join(rows))
    return bare | {"DPKG_ADMINDIR": str(admindir)}


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="a distribution without dpkg")
@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("installed", False),
        ("config-files", False),
        ("half-installed", True),
        ("unpacked", True),
        ("half-configured", True),
    ],
)
def test_a_package_that_dpkg_was_interrupted_in_is_missing_though_its_program_is_there(bare, tmp_path, status, counts):
    redis = Path(bare["PATH"]) / "redis-server"
    redis.write_text("#!/bin/sh\n")
    redis.chmod(0o755)
    environment = _dpkg_knows(bare, tmp_path / "dpkg", redis_server=status, haproxy="installed", nginx="unpacked")
    code, packages = _tell(environment, "missing_packages native")
    assert code == 0
    assert ("redis-server" in packages) == counts
    assert packages.count("haproxy") == 1, "dpkg has it, and its program is gone"
    assert "nginx" not in packages, "not of ours"
    assert _tell(environment, "missing_packages compose") == (0, [])


def test_what_dpkg_was_interrupted_in_is_configured_before_apt_is_asked_and_while_services_are_held_back(
    bare, tmp_path
):
    said = tmp_path / "said"
    for name, code in (("dpkg", 1), ("apt-get", 0)):  # dpkg gives up on what apt can still do
        program = Path(bare["PATH"]) / name
        policy = f"$(test -e {tmp_path}/usr/sbin/policy-rc.d && echo held)"
        program.write_text(f'#!/bin/sh\necho "{name} {policy} $*" >>{said}\nexit {code}\n')
        program.chmod(0o755)
    (tmp_path / "usr/sbin").mkdir(parents=True)
    environment = bare | {"PATH": f"{bare['PATH']}:{os.environ['PATH']}", "STORMDRILL_SYSTEM": str(tmp_path)}
    script = f"""
        cache={tmp_path} logs={tmp_path}
        say() {{ :; }}
        id() {{ echo 0; }}
        missing_packages() {{ test -e {said} || echo haproxy; }}
        YES=1 install_packages native
    """
    assert _tell(environment, script) == (0, [])
    configured, updated, installed = said.read_text().splitlines()
    assert configured.startswith("dpkg held")
    assert configured.endswith("--configure -a")
    assert updated.startswith("apt-get held update")
    assert installed.startswith("apt-get held -o DPkg::Lock::Timeout=120 install")
    assert installed.endswith(" haproxy")


def _policy_mark() -> str:
    return re.search("policy_mark='(.*)'", (ROOT / "tools/held_back.sh").read_text())[1]


@pytest.mark.parametrize(("content", "stays"), [("# {mark}\nexit 101\n", False), ("exit 101\n", True)])
def test_the_policy_of_a_set_up_that_was_killed_goes_also_where_nothing_is_missing(bare, tmp_path, content, stays):
    policy = tmp_path / "usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    policy.write_text(content.format(mark=_policy_mark()))
    environment = bare | {"PATH": os.environ["PATH"], "STORMDRILL_SYSTEM": str(tmp_path)}
    script = f"cache={tmp_path}; missing_packages() {{ :; }}; say() {{ echo said; }}; install_packages native"
    assert _tell(environment, script) == (0, [] if stays else ["said"])
    assert policy.exists() == stays


def test_a_set_up_waits_for_that_of_another_user_says_so_and_installs_nothing_that_is_there_by_then(bare, tmp_path):
    folder, there = tmp_path / "usr/sbin", tmp_path / "there"
    folder.mkdir(parents=True)
    (tmp_path / "cache").mkdir()
    apt = Path(bare["PATH"]) / "apt-get"
    apt.write_text("#!/bin/sh\necho 'apt was asked'\n")
    apt.chmod(0o755)
    script = f"""
        set -euo pipefail
        root={ROOT} cache={tmp_path}/cache logs=/dev/stdout
        say() {{ echo "$*"; }}
        id() {{ echo 0; }}
        . {ROOT}/tools/packages.sh
        missing_packages() {{ test -e {there} || echo haproxy; }}
        YES=1 install_packages native
    """
    environment = bare | {"PATH": f"{bare['PATH']}:{os.environ['PATH']}", "STORMDRILL_SYSTEM": str(tmp_path)}
    other = os.open(folder, os.O_RDONLY)  # as another user's set-up has it, with a cache of its own
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        process = subprocess.Popen(("bash", "-c", script), env=environment, stdout=subprocess.PIPE, text=True)
        assert "waiting for another set-up" in process.stdout.readline()
        there.touch()
    finally:
        os.close(other)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said == "packages installed\n"


def test_the_traces_of_a_set_up_of_another_user_that_is_at_work_stay(bare, tmp_path):
    policy = tmp_path / "usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    policy.write_text(f"# {_policy_mark()}\n")
    environment = bare | {"PATH": os.environ["PATH"], "STORMDRILL_SYSTEM": str(tmp_path)}
    script = f"cache={tmp_path}; missing_packages() {{ :; }}; say() {{ :; }}; install_packages native"
    other = os.open(policy.parent, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert _tell(environment, script) == (0, [])
    assert policy.exists()
    os.close(other)
    assert _tell(environment, script) == (0, [])
    assert not policy.exists()


@pytest.mark.parametrize("asked", ["", "native", "compose", "swarm"])
@pytest.mark.parametrize("up", ["", "native", "compose", "swarm"])
def test_set_up_means_the_runtime_that_up_means(bare, asked, up):
    environment = bare | ({"RUNTIME": asked} if asked else {})
    settings = from_environment(environment)
    if up:
        settings.state.mkdir()
        (settings.state / "stormdrill-stack").write_text(f"{up} (19000, 1, [])")
        assert (mark := mark_of(settings.state)) is not None
        assert mark.runtime == up
    wanted = settings.runtime or runtime._standing(settings).name
    assert _tell(environment, "runtime") == (0, [wanted])


def test_the_state_folder_is_the_one_that_the_stack_has(bare):
    environment = {name: value for name, value in bare.items() if name != "STORMDRILL_STATE"}
    environment["STORMDRILL_PORT_BASE"] = "19123"
    assert _tell(environment, "state_folder") == (0, [str(from_environment(environment).state)])


def test_a_runtime_that_is_none_is_refused(bare):
    code, said = _tell(bare | {"RUNTIME": "podman"}, "runtime")
    assert code == 2
    assert " ".join(said) == "RUNTIME: 'podman': must be native or compose or swarm"


def test_a_system_that_is_not_linux_is_refused_in_one_line(bare):
    uname = Path(bare["PATH"]) / "uname"
    uname.unlink()
    uname.write_text("#!/bin/sh\necho Darwin\n")  # as macOS's uname -s
    uname.chmod(0o755)
    done = subprocess.run(
        (str(ROOT / "tools/setup.sh"), "python"),
        env=bare | {"PATH": f"{bare['PATH']}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert "drills need Linux, which Darwin is not" in done.stderr
    assert done.stderr.count("\n") == 1
