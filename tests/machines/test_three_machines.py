"""A Swarm of three machines: one is drained, and the others take its replicas over; then a crowd comes.

Six minutes; needs root and no image.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from compose.containers.container_spec import STACK_LABEL
from compose.containers.swarm_spec import SERVICE_LABEL
from tests.conftest import TEST_PORT_BASE
from tests.containers import nodes
from tests.containers.conftest import OWN_ENGINE, a_stack, an_engine, client
from tests.containers.swarms import a_manager, command, replicas

__all__ = ["a_manager", "an_engine", "client"]
pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def swarm(a_manager):
    with a_stack("swarm", int(TEST_PORT_BASE) + 2000) as stack:
        yield stack


@pytest.fixture
def three_nodes(swarm, client):
    """Two more machines join it, each with the image of the services."""
    if not os.environ.get(OWN_ENGINE):
        pytest.skip("for the tests' own engine only: it makes more machines")
    images = sorted({tag for each in replicas(client).values() for tag in each.image.tags})
    with contextlib.ExitStack() as stack:
        folders = {number: Path(tempfile.mkdtemp(prefix="stormdrill-node-", dir="/var/tmp")) for number in (2, 3)}
        for folder in folders.values():
            stack.callback(shutil.rmtree, folder)
        with nodes.joined(folders, os.environ["DOCKER_HOST"], images):
            yield


def test_a_machine_is_drained_and_others_take_its_replicas_over(swarm, three_nodes, client):
    # Nothing moves by itself to a machine that joins; an update spreads it over all.
    for service in client.services.list(filters={"label": STACK_LABEL}):
        if "crowd" not in service.name:
            command("service", "update", "--force", "--detach=false", service.name)
    (shop,) = client.services.list(filters={"label": f"{SERVICE_LABEL}=shop"})
    tasks = shop.tasks(filters={"desired-state": "running"})
    assert len({task["NodeID"] for task in tasks}) > 1
    code, output = swarm.command("run", "drain-node")
    assert code == 0, output
    assert {node.attrs["Spec"]["Availability"] for node in client.nodes.list()} == {"active"}


def test_users_come_from_the_swarms_own_locusts(swarm, client):
    code, output = swarm.command("run", "crowd")
    assert code == 0, output
    assert client.containers.list(filters={"label": f"{SERVICE_LABEL}=crowd"}) == []
