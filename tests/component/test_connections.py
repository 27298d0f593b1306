"""Thousands of users at once on products that HAProxy's cache holds: none fails, and hardly any notices the others."""

import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from compose.settings import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.slow]

CONNECTIONS = 5_000
PER_SECOND = 600  # each connection's turn comes every 8 s, well within HAProxy's keep-alive time-out
SECONDS = 30
# Its p99 is that of the answers that come from an instance, one in five; under load they are one in fifty.
UNLOADED = {"connections": 10, "per_second": 50, "seconds": 12}


def client(stack, connections, per_second, seconds):
    """What a client in a process of its own saw; see connections_client.py."""
    port = urlsplit(stack.url("shop")).port
    arguments = (str(argument) for argument in (port, connections, per_second, seconds))
    command = (sys.executable, "-m", "tests.component.connections_client", *arguments)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["errors"], seen["answered"]) == (0, seen["sent"]), seen
    return seen


def test_five_thousand_connections_are_served_nearly_as_fast_as_ten(stack):
    before = client(stack, **UNLOADED)
    loaded = client(stack, CONNECTIONS, PER_SECOND, SECONDS)
    after = client(stack, **UNLOADED)
    assert loaded["open_at_the_end"] == CONNECTIONS
    assert loaded["sent"] >= 500 * SECONDS
    assert loaded["sent"] >= CONNECTIONS, "some connection was never used"
    assert loaded["past_the_cache"] < 0.2 * loaded["sent"], "these were no cached products"
    # Measured around it, the slower of the two: what else the machine does is not to be blamed on the load. On two
    # cores 8 to 10 ms unloaded, 11 ms loaded.
    assert loaded["p99_ms"] <= 5 * max(before["p99_ms"], after["p99_ms"]), (before, loaded, after)
