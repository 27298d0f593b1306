"""Debian 12 and 13 with nothing installed: README's first command, and the tests, with their servers and Python.

In this order on each release, as each goes on where the one before has left it.
"""

import re

import pytest

from tests.conftest import TEST_PORT_BASE
from tests.distros.root import Root

# With what starts on demand or at a time, beside the base system's own.
_ENABLED = "find /etc/systemd/system /etc/systemd/user /etc/rc?.d -type l ! -lname /dev/null ! -name 'K*' | sort"
_PACKAGES = (
    "haproxy postgresql-common prometheus prometheus-alertmanager prometheus-postgres-exporter "
    "prometheus-redis-exporter redis-server"
)
_PORTS = {"STORMDRILL_PORT_BASE": TEST_PORT_BASE, "STORMDRILL_TEST_PORT_BASE": TEST_PORT_BASE}


def _run(root: Root, command: str, within_seconds: int, **environment: str) -> str:
    done = root.run(command, within_seconds, **_PORTS, **environment)
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def test_doctor_says_that_set_up_can_install_all_that_is_missing(root):
    _run(root, "apt-get update -q", 120)
    said = _run(root, "make doctor", 60)
    assert "native: ready, or made ready by `make setup`" in said
    assert re.search(r"set-up +haproxy \d\S+ is installed by `make setup`", said), said


def test_containers_need_python_and_no_server(root):
    _run(root, "apt-get install -y -q --no-install-recommends python3-venv", 300)
    # No apt from here to the end of this test: nothing may be wanted of it.
    _run(root, "mv /usr/bin/apt-get /usr/bin/apt-get.away && RUNTIME=compose make setup", 900)
    try:
        said = _run(root, "command -v haproxy redis-server prometheus postgres || echo none", 20)
        assert said.strip() == "none"
        assert "toxiproxy-server" in _run(root, "ls ~/.cache/stormdrill/bin/*", 20)
        # Nor by what needs none, whatever the runtime.
        assert "kill-instance" in _run(root, "make list", 120)
    finally:
        _run(root, "mv /usr/bin/apt-get.away /usr/bin/apt-get", 20)


def test_what_set_up_installs_is_neither_enabled_nor_started_nor_comes_back_with_an_upgrade(root):
    before = _run(root, _ENABLED, 20)
    said = _run(root, "RUNTIME=native make setup; ps -A -o comm= 2>/dev/null || true", 900)
    assert "not enabled, as they were not before" in said
    assert _run(root, _ENABLED, 20) == before
    assert "gone" in _run(root, "test -e /usr/sbin/policy-rc.d || echo gone", 20)
    _run(root, "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d", 20)
    try:
        _run(root, f"apt-get install -y -q --reinstall {_PACKAGES}", 300)
    finally:
        _run(root, "rm /usr/sbin/policy-rc.d", 20)
    assert _run(root, _ENABLED, 20) == before


def test_a_ctrl_c_while_packages_are_installed_leaves_nothing_behind(root):
    before = _run(root, _ENABLED, 20)
    script = """
        apt-get remove -y -q --purge redis-server redis-tools >/dev/null
        set -m
        RUNTIME=native tools/setup.sh </dev/null & setup=$!
        until [ -L /etc/systemd/system/multi-user.target.wants/redis-server.service ]; do kill -0 $setup || exit 7; done
        kill -INT -$setup
        wait $setup; echo "ended with $?"
        test ! -e /usr/sbin/policy-rc.d
    """
    assert "ended with 130" in _run(root, script, 300)
    assert _run(root, _ENABLED, 20) == before
    _run(root, "make setup", 300)


def test_the_first_command_of_the_readme_holds(root):
    said = _run(root, "make chaos-kill-instance; code=$?; make down; exit $code", 900)
    assert "verdict: held, exit 0" in said


def test_what_the_first_run_did_not_wait_for_is_waited_for_by_tests(root):
    # What was begun in the background ended with the namespace of the command that began it.
    _run(root, "make setup-native && ls ~/.cache/stormdrill/bin/*/jaeger", 1500)


def test_unit_tests_pass(root):
    said = _run(root, "make test-unit", 600)
    assert re.search(r"\d{3,} passed", said), said[-300:]


def test_component_tests_pass(root):
    said = _run(root, "make test-component", 2400)
    assert re.search(r"\d{3,} passed", said), said[-300:]


@pytest.mark.parametrize("what", ["test-rules", "lint-alerts"])
def test_rules_pass(root, what):
    _run(root, f"make {what}", 600)
