"""A stack that is made for many connections: edges come up in front of HAProxy, and go with it."""

import dataclasses
import os
import signal

import httpx
import pytest

from compose import ports, runtime
from compose.limits import Limits
from compose.settings import from_environment
from compose.topology import build
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FILES = 20_000
CONNECTIONS = 100_000
_BACK_WITHIN_SECONDS = 60
_WATCHED_WITHIN_SECONDS = 30
OF_RULES = ("haproxy_process_current_connections", "haproxy_process_max_connections")


@pytest.fixture(scope="module", autouse=True)
def well_again(stack):
    """The next file finds the usual stack up."""
    yield
    runtime.up(stack.settings, print)


@pytest.fixture(scope="module")
def many(stack):
    """The same stack for so many connections, where a process may open so many files, whatever this machine allows."""
    return dataclasses.replace(
        stack,
        environment=stack.environment | {"STORMDRILL_CONNECTIONS": str(CONNECTIONS)},
        within=("prlimit", f"--nofile={FILES}:{FILES}"),
    )


@pytest.fixture(scope="module")
def topology(many):
    settings = from_environment(many.environment)
    limits = Limits(FILES, settings.limits.memory_bytes, settings.limits.cores)
    return build(dataclasses.replace(settings, limits=limits))


def test_it_comes_up_whole_and_leaves_nothing(many, topology, stack):
    code, output = many.command("up")
    assert code == 0, output
    edges = [edge.name for edge in topology.of_role("edge")]
    assert len(edges) == 14
    code, said = many.command("status")
    assert code == 0, said
    assert all(name in said for name in edges)
    assert httpx.get(f"http://127.0.0.1:{topology.users}/products/sku-0001").status_code == 200
    until(lambda: watched(stack) == set(edges), _WATCHED_WITHIN_SECONDS)
    _an_edge_that_dies_comes_back(topology, stack)
    # The usual one replaces it.
    code, output = stack.command("up")
    assert code == 0, output
    assert ports.taken({edge.port: edge.name for edge in topology.of_role("edge")}) == []


def watched(stack):
    """The edges of which Prometheus has what rules read of them."""
    seen = []
    for name in OF_RULES:
        answer = httpx.get(f"{stack.url('prometheus')}/api/v1/query", params={"query": f'{name}{{job="edge"}}'})
        seen.append({each["metric"]["instance"] for each in answer.json()["data"]["result"]})
    return set.intersection(*seen)


def _an_edge_that_dies_comes_back(topology, stack):
    manager = runtime.manager_of(stack.settings.state)
    before = {row.name: row.pid for row in manager.processes()}
    os.kill(before["edge-3"], signal.SIGKILL)
    # Meanwhile the others take whoever comes.
    assert httpx.get(f"http://127.0.0.1:{topology.users}/products/sku-0002").status_code == 200

    def back():
        now = {row.name: row for row in manager.processes()}["edge-3"]
        return now.state == "RUNNING" and now.pid not in (0, before["edge-3"])

    until(back, _BACK_WITHIN_SECONDS)
