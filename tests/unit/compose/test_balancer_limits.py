"""The load balancer's limits grow together with the workers of an instance."""

import re

import pytest

from compose.config import render
from compose.config.haproxy import IN_FLIGHT_PER_WORKER
from compose.settings import from_environment
from compose.topology import build

CHECKS_EVERY_SECONDS = 0.5
SERVER_TIMEOUT_SECONDS = 4


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_instances_that_all_hang_under_steady_load_are_not_ejected_for_it(workers):
    settings = from_environment({"STORMDRILL_WORKERS": str(workers)})
    rendered = render.haproxy_cfg(settings, build(settings))
    assert f"inter {CHECKS_EVERY_SECONDS * 1000:.0f}ms" in rendered
    assert f"timeout server {SERVER_TIMEOUT_SECONDS}s" in rendered
    (held,) = map(int, re.findall(r"default-server maxconn (\d+) ", rendered))
    (errors,) = map(int, re.findall(r" error-limit (\d+) ", rendered))
    assert (held, errors) == (IN_FLIGHT_PER_WORKER * workers, 15 * workers)
    # All that it holds fails once in the time-out; the count of errors begins anew with every passed check.
    assert held / SERVER_TIMEOUT_SECONDS * CHECKS_EVERY_SECONDS < errors
