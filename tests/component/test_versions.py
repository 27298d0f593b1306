"""The installed servers' versions, and `up` where one is too old."""

import os
import subprocess
import sys

from compose import versions
from compose.settings import ROOT
from compose.tools import find
from tests.conftest import TEST_PORT_BASE


def test_every_installed_server_says_its_version():
    tools = find()
    said = {each.program: versions.version_of(tools.path(each.program)) for each in versions.table()}
    assert all(said.values()), said


def test_up_refuses_a_server_that_is_too_old_before_anything_is_started(tmp_path):
    old = tmp_path / "prometheus"
    # Ubuntu 22.04's, as it says it.
    old.write_text("#!/bin/sh\necho 'prometheus, version 2.31.2+ds1 (branch: debian/sid, revision: 2.31.2)'\n")
    old.chmod(0o755)
    state = tmp_path / "state"
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "RUNTIME": "native",
        # The stack of other tests is up on the first.
        "STORMDRILL_PORT_BASE": str(int(TEST_PORT_BASE) + 400),
        "STORMDRILL_STATE": str(state),
    }
    done = subprocess.run(
        (sys.executable, "-m", "chaos", "up"),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("stormdrill: prometheus 2.31.2 is too old: 2.42 or newer is needed")
    assert not (state / "supervisor.sock").exists()
