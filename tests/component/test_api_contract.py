"""The shop does what its OpenAPI page says, whatever it is sent: schemathesis through HAProxy, all checks on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
# With one seed a failure can be had again.
OPTIONS = ("--checks", "all", "--max-examples", "60", "--seed", "20261123", "--no-color")
CONFIGURATION = '[auth.openapi.session]\napi_key = "${SHOP_SESSION}"\n'


def check(stack, folder, *options, **environment):
    (folder / "schemathesis.toml").write_text(CONFIGURATION if environment else "")
    command = [SCHEMATHESIS, "--config-file", "schemathesis.toml", "run", f"{stack.url('shop')}/openapi.json"]
    # In a folder of the test's own, for it keeps the failures it has seen.
    done = subprocess.run(
        [*command, *OPTIONS, *options],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return int(re.search(r"(\d+) generated", done.stdout)[1])


def test_a_stranger_finds_no_server_error_and_no_broken_promise(stack, tmp_path):
    assert check(stack, tmp_path) > 500


def test_a_user_with_a_session_finds_none_either(stack, tmp_path):
    session = httpx.post(f"{stack.url('shop')}/sessions").cookies["session"]
    # Ending the session would leave the rest of the run without one.
    generated = check(
        stack, tmp_path, "--exclude-operation-id", "close_session_sessions_me_delete", SHOP_SESSION=session
    )
    assert generated > 500
    assert httpx.get(f"{stack.url('shop')}/cart", cookies={"session": session}).status_code == 200
