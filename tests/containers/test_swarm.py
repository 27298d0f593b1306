"""The stack with replicas of a Docker Swarm: they are replaced, scaled and drained, and users see nothing."""

import time
from pathlib import Path

import httpx
import pytest

from chaos.undo.lease import DURATION_SECONDS
from compose.containers import engine
from compose.containers.container_spec import NETWORKS, STACK_LABEL
from tests import agreement
from tests.conftest import TEST_PORT_BASE
from tests.containers import machine
from tests.containers.conftest import a_stack, left
from tests.containers.swarms import a_manager, replicas
from tests.e2e.conftest import Runs, wait_until

__all__ = ["a_manager"]
pytestmark = [pytest.mark.stack, pytest.mark.slow]

SCALED = """\
title: The shop is scaled
claim: Nobody notices.
fault: { type: service.scale, service: shop, replicas: 4, for: 120s }
steady_state:
  - { name: share of failed user requests, query: "load:failed:ratio", before: "== 0", during: "== 0" }
recover_within: 15s
"""


@pytest.fixture(scope="module")
def swarm(a_manager, containers):
    """On a Swarm of one node, after the other stack, as both together are too much for two cores."""
    assert containers.command("down")[0] == 0
    with a_stack("swarm", int(TEST_PORT_BASE) + 2000) as stack:
        yield stack


def test_nobody_is_paged_because_it_comes_up(swarm):
    deliveries = httpx.get(f"{swarm.url('pager')}/deliveries", timeout=5).json()["deliveries"]
    assert {alert["labels"]["alertname"] for each in deliveries for alert in each["alerts"]} == {"Watchdog"}


def test_a_killed_replica_is_replaced_and_users_see_nothing(swarm, client):
    before = set()

    def look():
        before.clear()
        before.update(replicas(client))

    verdict, output = agreement.run(swarm, "kill-replica", look)
    assert verdict["outcome"] == "held", output
    wait_until(lambda: len(replicas(client)) == 3, 60, "three replicas")
    assert len(before - set(replicas(client))) == 1


def test_it_is_scaled_under_load_without_a_failed_request(swarm):
    verdict, output = agreement.run(swarm, "scale-shop")
    assert verdict["outcome"] == "held", output
    assert "shop is to have 5 replicas, and had 3" in output


def test_the_only_node_is_not_drained(swarm):
    code, output = swarm.command("run", "drain-node")
    assert (code, "no other active node" in output) == (4, True), output


def test_a_replica_that_would_be_kept_down_is_refused(swarm):
    code, output = swarm.command("run", "kill-instance")
    assert (code, "use process.crash" in output) == (4, True), output


def test_replicas_are_unprivileged_read_only_bounded_and_unpublished(swarm, client):
    found = replicas(client)
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
        assert len(replicas(client)) == 4
    finally:
        runner.kill()
        runner.communicate(timeout=30)
    killed = time.monotonic()
    wait_until(lambda: len(replicas(client)) == 3, DURATION_SECONDS + 20, "the shop to have three replicas again")
    assert time.monotonic() - killed > 1, "the lease had not run out yet: somebody else undid it"
    wait_until(lambda: swarm.command("status")[0] == 0, 90, "the stack to be well")


def test_nothing_of_it_is_left_after_down(swarm, client):
    code, output = swarm.command("down")
    assert code == 0, output
    assert left(client, swarm.settings.state) == []
    assert client.services.list(filters={"label": f"{STACK_LABEL}={swarm.settings.state}"}) == []
    assert not swarm.settings.state.exists()


def test_a_network_that_is_said_to_be_removed_is_gone(a_manager, client):
    state, names = Path("/nowhere/at-all"), [f"stormdrill-removal_{name}" for name in NETWORKS]
    labels = {STACK_LABEL: str(state)}
    (image,) = {each for each in machine.official() if each.startswith("redis:")}
    for _ in range(3):
        for name in names:
            client.networks.create(name, driver="overlay", attachable=True, labels=labels)
        # Who is on it keeps it there.
        client.containers.run(
            image, ["900"], entrypoint=["sleep"], detach=True, labels=labels, network=names[0], stop_signal="SIGKILL"
        )
        engine.remove_all(state)
        assert [each.name for each in client.networks.list() if each.name in names] == []
    assert left(client, state) == []
