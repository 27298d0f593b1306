"""Services of packages that set-up installs: neither started nor enabled, however it ends; what was there stays."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.settings import ROOT

_MACHINE = {
    "enabled before": "etc/systemd/system/multi-user.target.wants/ssh.service",
    "init script before": "etc/rc2.d/S01ssh",
}
_INSTALL = """
wants=$STORMDRILL_SYSTEM/etc/systemd/system/multi-user.target.wants
ln -s /lib/systemd/system/redis-server.service "$wants/redis-server.service"
ln -s /lib/systemd/system/redis-server.service "$STORMDRILL_SYSTEM/etc/systemd/system/redis.service"
mkdir -p "$STORMDRILL_SYSTEM"/etc/systemd/system/{timers,sockets}.target.wants
ln -s /lib/systemd/system/logrotate.timer "$STORMDRILL_SYSTEM/etc/systemd/system/timers.target.wants/logrotate.timer"
ln -s /lib/systemd/system/docker.socket "$STORMDRILL_SYSTEM/etc/systemd/system/sockets.target.wants/docker.socket"
ln -s ../init.d/redis-server "$STORMDRILL_SYSTEM/etc/rc2.d/S01redis-server"
ln -s /dev/null "$STORMDRILL_SYSTEM/etc/systemd/system/masked.service"
"$STORMDRILL_SYSTEM/usr/sbin/policy-rc.d" || echo "policy $?"
"""
"""What packages' scripts do meanwhile: make links for the next boot, and ask policy-rc.d whether to start."""


@pytest.fixture
def system(tmp_path) -> Path:
    """The part of a machine's file system that counts here, with one service that is enabled."""
    for link in _MACHINE.values():
        (tmp_path / link).parent.mkdir(parents=True)
        (tmp_path / link).symlink_to("/lib/systemd/system/ssh.service")
    (tmp_path / "usr/sbin").mkdir(parents=True)
    return tmp_path


def _while_installing(system: Path, what: str) -> "subprocess.Popen[str]":
    return _bash(system, f"hold_services_back\n{what}\nrelease_services")


def _bash(system: Path, what: str) -> "subprocess.Popen[str]":
    script = f"""
        set -euo pipefail
        say() {{ echo "said $*"; }}
        sudo='' cache={system}
        . {ROOT}/tools/held_back.sh
        {what}
    """
    return subprocess.Popen(
        ("bash", "-c", script),
        env={"PATH": os.environ["PATH"], "STORMDRILL_SYSTEM": str(system)},
        stdout=subprocess.PIPE,
        text=True,
    )


def _links(system: Path) -> Iterator[str]:
    return (str(path.relative_to(system)) for path in (system / "etc").rglob("*") if path.is_symlink())


def _left(system: Path) -> tuple[list[str], bool]:
    traces = [*(system / "usr/sbin").iterdir(), *system.glob("enabled-before*")]
    return sorted(_links(system)), bool(traces)


_AS_BEFORE = (
    sorted([*_MACHINE.values(), "etc/rc2.d/K01redis-server", "etc/systemd/system/masked.service"]),
    False,
)


def test_what_was_installed_is_disabled_and_what_was_there_is_left_as_it_was(system):
    process = _while_installing(system, _INSTALL)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert _left(system) == _AS_BEFORE
    assert "policy 101" in said
    assert "redis-server.service" in said
    assert "ssh" not in said


def test_an_init_script_that_is_numbered_anew_is_none_that_came(system):
    rc = system / "etc/rc2.d"
    came = 'mv "$STORMDRILL_SYSTEM/etc/rc2.d/S01ssh" "$STORMDRILL_SYSTEM/etc/rc2.d/S02ssh"\n' + _INSTALL
    said, _ = _while_installing(system, came).communicate(timeout=30)
    assert sorted(path.name for path in rc.iterdir()) == ["K01redis-server", "S02ssh"]
    assert "redis-server redis-server.service" in said, "what was an init script alone would not be named"
    assert "ssh" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_apt_is_at_work_leaves_nothing_behind(system, number):
    process = _while_installing(system, f"{_INSTALL}\nkill -{int(number)} $$\necho 'went on'")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "went on" not in said
    assert _left(system) == _AS_BEFORE


def test_a_failing_install_leaves_nothing_behind(system):
    process = _while_installing(system, f"{_INSTALL}\nexit 2")
    process.communicate(timeout=30)
    assert process.returncode == 2
    assert _left(system) == _AS_BEFORE


def test_a_policy_that_was_there_stays(system):
    policy = system / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 104\n")
    policy.chmod(0o755)
    said, _ = _while_installing(system, _INSTALL).communicate(timeout=30)
    assert "policy 104" in said
    assert policy.read_text() == "#!/bin/sh\nexit 104\n"


_KILLED = f"{_INSTALL}\nkill -9 $$"


@pytest.mark.parametrize(
    "the_next", ["hold_services_back\nrelease_services", "clear_up_traces"], ids=["installs", "has nothing to install"]
)
def test_what_a_set_up_that_was_killed_enabled_is_disabled_by_the_next_one(system, the_next):
    _while_installing(system, _KILLED).communicate(timeout=30)
    assert (system / "usr/sbin/policy-rc.d").exists()
    said, _ = _bash(system, f"any_traces\n{the_next}").communicate(timeout=30)
    assert _left(system) == _AS_BEFORE
    assert "redis-server.service" in said
    said, _ = _bash(system, "any_traces || echo none").communicate(timeout=30)
    assert said == "none\n"


@pytest.mark.parametrize("of", ["long ago", "half a list", "an empty list"])
def test_without_a_list_that_can_be_believed_nothing_is_disabled_and_that_is_said(system, of):
    _while_installing(system, _KILLED).communicate(timeout=30)
    before, enabled = system / "enabled-before", sorted(_links(system))
    if of == "long ago":
        two_hours_ago = time.time() - 7200
        os.utime(before, (two_hours_ago, two_hours_ago))
    else:
        before.write_text("" if of == "an empty list" else before.read_text()[:30])
    said, _ = _bash(system, "any_traces\nclear_up_traces").communicate(timeout=30)
    assert _left(system) == (enabled, False)
    assert "`make doctor` names that" in said


def test_a_machine_that_had_nothing_enabled_has_nothing_enabled_afterwards(system):
    for link in _MACHINE.values():
        (system / link).unlink()
    _while_installing(system, _KILLED).communicate(timeout=30)
    _bash(system, "clear_up_traces").communicate(timeout=30)
    assert _left(system) == (["etc/rc2.d/K01redis-server", "etc/systemd/system/masked.service"], False)


def test_doctor_names_all_of_ours_that_is_enabled_and_nothing_else(system):
    said, _ = _while_installing(system, f"{_INSTALL}\nenabled_of_ours").communicate(timeout=30)
    assert [line for line in said.splitlines() if not line.startswith(("said", "policy"))] == [
        "docker.socket",
        "redis-server.service",
    ]


def test_doctor_notes_the_policy_of_a_set_up_and_what_is_enabled(system):
    text = (ROOT / "tools/doctor.sh").read_text()
    note = text[text.index("note_enabled() {") :]
    functions = 'note() { echo "note $*"; }\n' + note[: note.index("\n}\n") + 3]
    said, _ = _while_installing(system, f"{_INSTALL}\n{functions}\nnote_enabled").communicate(timeout=30)
    assert "systemctl disable docker.socket redis-server.service" in said
    assert f"note {system}/usr/sbin/policy-rc.d keeps packages from starting services" in said
    said, _ = _bash(system, f"{functions}\nnote_enabled").communicate(timeout=30)
    assert said == ""
