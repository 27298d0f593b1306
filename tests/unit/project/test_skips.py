"""In CI a skip fails the session; on a user's machine it does not."""

import os
import subprocess
import sys

import pytest

from compose.settings import ROOT
from tests.skips import MEANT

AT_A_TEST = "import pytest\ndef test_one():\n    pass\ndef test_two():\n    pytest.skip('no engine')\n"
WHILE_COLLECTED = "import pytest\npytest.skip('no engine', allow_module_level=True)\n"
BY_A_FIXTURE = """
import pytest
@pytest.fixture
def engine():
    pytest.skip('no engine')
def test_it(engine):
    pass
"""
EXPECTED_TO_FAIL = "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"


def session(folder, test, **environment):
    (folder / "test_it.py").write_text(test)
    clean = {name: value for name, value in os.environ.items() if name not in ("CI", "STORMDRILL_OWN_DOCKER")}
    # Without other plug-ins, which take a second to start.
    clean["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ("-p", "tests.skips", "-p", "no:cacheprovider", "--rootdir", folder)
    command = (sys.executable, "-m", "pytest", *options, folder)
    return subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("test", [AT_A_TEST, WHILE_COLLECTED, BY_A_FIXTURE])
def test_a_skip_in_ci_fails_the_session_and_is_named(tmp_path, test):
    done = session(tmp_path, test, CI="true")
    assert done.returncode == 1, done.stdout
    assert "test_it.py" in done.stdout.partition("skipped where nothing may be skipped")[2]
    assert "no engine" in done.stdout.partition("skipped where nothing may be skipped")[2]


def test_so_does_one_where_the_tests_bring_an_engine_of_their_own(tmp_path):
    assert session(tmp_path, AT_A_TEST, STORMDRILL_OWN_DOCKER="1").returncode == 1


def test_elsewhere_it_does_not(tmp_path):
    assert session(tmp_path, AT_A_TEST).returncode == 0


def test_one_that_is_listed_does_not(tmp_path):
    test = f"import pytest\ndef test_it():\n    pytest.skip({next(iter(MEANT)) + ': says why'!r})\n"
    assert session(tmp_path, test, CI="true").returncode == 0


def test_where_the_tests_bring_an_engine_of_their_own_nothing_that_is_listed_is_excused(tmp_path):
    test = f"import pytest\ndef test_it():\n    pytest.skip({next(iter(MEANT))!r})\n"
    done = session(tmp_path, test, STORMDRILL_OWN_DOCKER="1", CI="true")
    assert done.returncode == 1, done.stdout
    assert next(iter(MEANT)) in done.stdout.partition("skipped where nothing may be skipped")[2]


def test_what_is_expected_to_fail_is_no_skip(tmp_path):
    assert session(tmp_path, EXPECTED_TO_FAIL, CI="true").returncode == 0
