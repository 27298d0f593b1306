"""The stack with replicas of a Docker Swarm: they are replaced, scaled and drained, and users see nothing."""

import os
import subprocess
import time

import docker
import pytest

from chaos.lease import DURATION_SECONDS
from compose import engine
from compose.swarm_spec import SERVICE_LABEL
from tests.conftest import TEST_PORT_BASE
from tests.containers.conftest import OWN_ENGINE, a_stack, left
from tests.e2e.conftest import Runs, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SCALED = """\
title: The shop is scaled
claim: Nobody notices.
fault: { type: service.scale, service: shop, replicas: 4, for: 60s }
steady_state:
  - { name: share of failed user requests, query: "load:failed:ratio", before: "== 0", during: "== 0" }
"""


@pytest.fixture(scope="module")
def swarm(an_engine, containers):
    """On a Swarm of one node, after the other stack, as both together are too much for two cores."""
    become_a_manager()
    assert containers.command("down")[0] == 0
    with a_stack("swarm", int(TEST_PORT_BASE) + 2000) as stack:
        yield stack


def become_a_manager():
    """Make the tests' own engine a Swarm; a user's is left as it is."""
    if engine.connect().info()["Swarm"]["ControlAvailable"]:
        return
    if not os.environ.get(OWN_ENGINE):
        pytest.skip("this engine is no manager of a Swarm")
    subprocess.run(("docker", "swarm", "init", "--advertise-addr", "127.0.0.1"), check=True, capture_output=True)


def replicas(stack, client):
    """The shop's running replicas: container id by nothing but themselves."""
    mine = {"label": [f"{SERVICE_LABEL}=shop"]}
    return {container.id: container for container in client.containers.list(filters=mine)}


def test_a_killed_replica_is_replaced_and_users_see_nothing(swarm, client):
    before = set(replicas(swarm, client))
    code, output = swarm.command("run", "kill-replica")
    assert code == 0, output
    assert len(before - set(replicas(swarm, client))) == 1
    assert len(replicas(swarm, client)) == 3


def test_it_is_scaled_under_load_without_a_failed_request(swarm):
    code, output = swarm.command("run", "scale-shop")
    assert code == 0, output
    verdict = Runs(swarm.settings.runs).latest()
    assert verdict["outcome"] == "held"
    assert "shop was scaled from 3 to 5 replicas" in output


def test_the_only_node_is_not_drained(swarm):
    code, output = swarm.command("run", "drain-node")
    assert (code, "no other active node" in output) == (4, True), output


def test_a_replica_that_would_be_kept_down_is_refused(swarm):
    code, output = swarm.command("run", "kill-instance")
    assert (code, "use process.crash" in output) == (4, True), output


def test_replicas_are_unprivileged_read_only_bounded_and_unpublished(swarm, client):
    found = replicas(swarm, client)
    assert len(found) == 3
    for container in found.values():
        config, host = container.attrs["Config"], container.attrs["HostConfig"]
        assert config["User"] not in ("", "0", "root", "0:0")
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["Privileged"]
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        assert host["PidsLimit"] > 0
        assert not any(container.ports.values())


def test_the_watchdog_scales_back_what_a_killed_runner_left(swarm, client, tmp_path):
    runs, file = Runs(swarm.settings.runs), tmp_path / "scaled.yaml"
    file.write_text(SCALED)
    known = runs.known()
    runner = swarm.start("run", file, "--target", swarm.target)
    try:
        run = runs.new(known)
        runs.wait_injected(run)
        assert len(replicas(swarm, client)) == 4
    finally:
        runner.kill()
        runner.communicate(timeout=10)
    killed = time.monotonic()
    wait_until(
        lambda: len(replicas(swarm, client)) == 3, DURATION_SECONDS + 20, "the shop to have three replicas again"
    )
    assert time.monotonic() - killed > 1, "the lease had not run out yet: somebody else undid it"
    wait_until(lambda: swarm.command("status")[0] == 0, 40, "the stack to be well")


def test_nothing_of_it_is_left_after_down(swarm, client: docker.DockerClient):
    code, output = swarm.command("down")
    assert code == 0, output
    assert left(client, swarm.settings.state) == []
    assert client.services.list() == []
    assert not swarm.settings.state.exists()
