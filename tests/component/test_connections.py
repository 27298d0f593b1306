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
# Its p99 is that of the answers that come from an instance, one in ten; under load they are one in seventy.
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


def measured(stack):
    """Seconds of the loaded run as multiples of the unloaded ones; no error is forgiven, whatever the machine does."""
    before = client(stack, **UNLOADED)
    loaded = client(stack, CONNECTIONS, PER_SECOND, SECONDS)
    after = client(stack, **UNLOADED)
    assert loaded["open_at_the_end"] == CONNECTIONS
    assert loaded["sent"] >= 500 * SECONDS
    assert loaded["sent"] >= CONNECTIONS, "some connection was never used"
    assert loaded["past_the_cache"] < 0.2 * loaded["sent"], "these were no cached products"
    print(before, loaded, after, sep="\n")
    return loaded["p99_ms"] / max(before["p99_ms"], after["p99_ms"])


def test_five_thousand_connections_are_served_nearly_as_fast_as_ten(stack):
    # Measured: 0.3 to 1.4. What else runs on the machine only ever adds to it (with ten processes waiting for two cores
    # and twice the products it was 9), so a bad measurement is made once more.
    ratio = measured(stack)
    assert ratio <= 5 or measured(stack) <= 5
