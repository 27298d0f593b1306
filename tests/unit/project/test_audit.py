"""`make audit` never calls unknown what is clean, nor clean what is unknown."""

import os
import subprocess

import pytest

from compose.settings import ROOT

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.timeout(120)
def test_without_a_network_it_says_that_nobody_knows(tmp_path):
    cut_off = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), NOWHERE)
    indexes = {"PIP_INDEX_URL": NOWHERE, "PIP_RETRIES": "0", "PIP_NO_INDEX": "1", "GOPROXY": "off", "NO_PROXY": ""}
    done = subprocess.run(
        (str(ROOT / "tools" / "audit.sh"),),
        env=os.environ | cut_off | indexes | {"STORMDRILL_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be installed (is there a network?)" in done.stderr
    assert "nothing is known" not in done.stderr
