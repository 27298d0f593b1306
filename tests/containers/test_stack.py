"""The stack in containers: who may do what, who is touched, and that nothing is left of it."""

import os
import re
import subprocess
import sys
import time

import httpx
import pytest
from docker.errors import NotFound

from chaos.undo.lease import DURATION_SECONDS
from compose.containers.container_spec import STACK_LABEL
from compose.containers.container_spec import containers as in_containers
from compose.containers.containers import COMPOSE_FILE
from compose.settings import ROOT
from tests.containers import hidden
from tests.containers.conftest import OWN_COMPOSE, OWN_ENGINE, left
from tests.e2e.conftest import EXPERIMENT, Runs, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture
def mine(containers, client):
    """The stack's containers by the name of their service."""
    found = client.containers.list(filters={"label": f"{STACK_LABEL}={containers.settings.state}"})
    return {container.labels["com.docker.compose.service"]: container for container in found}


def test_every_program_is_a_container_and_up_twice_is_harmless(containers, mine):
    assert set(mine) == {program.name for program in in_containers(containers.topology)}
    ids = {name: container.id for name, container in mine.items()}
    code, output = containers.command("up")
    assert (code, "already up and healthy" in output) == (0, True), output
    assert {name: container.id for name, container in mine.items()} == ids
    wait_until(lambda: "every part is proven healthy" in containers.command("status")[1], 60, "the stack to be well")


def test_the_tests_own_engine_has_the_compose_that_was_built_for_it(containers):
    if not os.environ.get(OWN_ENGINE):
        pytest.skip("for the tests' own engine only: a user's Compose is of any version")
    module = (ROOT / "tools" / os.environ.get(OWN_COMPOSE, "docker-compose") / "go.mod").read_text()
    (wanted,) = re.findall(r"^\s+github\.com/docker/compose/v\d+ v(\S+)", module, flags=re.MULTILINE)
    said = subprocess.run(("docker", "compose", "version", "--short"), capture_output=True, text=True, check=True)
    assert said.stdout.strip().removeprefix("v") == wanted


def test_no_native_server_is_found_by_who_brings_it_up_and_runs_drills_on_it(containers):
    if not containers.within:
        pytest.skip("for the tests' own engine only: what hides a program takes root")
    look = "from compose.tools import PACKAGES, _locate; print(*[name for name in PACKAGES if _locate(name)])"
    found = subprocess.run(
        (*containers.within, sys.executable, "-c", look), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(found.stdout.split()) <= {hidden.IN_IMAGES, hidden.OF_THE_SYSTEM}


def test_each_is_unprivileged_read_only_and_bounded(mine):
    for name, container in mine.items():
        config, host = container.attrs["Config"], container.attrs["HostConfig"]
        assert config["User"] not in ("", "0", "root", "0:0"), name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert not host["Privileged"], name
        assert host["Memory"] > 0, name
        assert host["CpuQuota"] > 0, name
        assert host["PidsLimit"] > 0, name


def test_every_port_is_published_on_loopback_only(mine):
    bound = [
        binding for each in mine.values() for ports in each.ports.values() if ports is not None for binding in ports
    ]
    assert bound
    assert {binding["HostIp"] for binding in bound} == {"127.0.0.1"}


def test_compose_finds_nothing_to_complain_about(containers):
    files = (COMPOSE_FILE, containers.settings.state / "config" / "compose.yaml")
    arguments = [word for file in files for word in ("--file", str(file))]
    command = ("docker", "compose", *arguments, "config", "--quiet")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=containers.environment)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_database_cannot_be_reached_from_the_front(mine):
    networks = {name: set(each.attrs["NetworkSettings"]["Networks"]) for name, each in mine.items()}
    front = {network for network in networks["haproxy"] if network.endswith("_front")}
    assert front
    assert not front & networks["postgres"]
    assert {name for name, its in networks.items() if front & its} == {"haproxy", "shop-1", "shop-2", "shop-3"}


def test_the_watchdog_undoes_in_containers_what_a_killed_runner_left(containers, tmp_path):
    runs = Runs(containers.settings.runs)
    file = tmp_path / "long-kill.yaml"
    file.write_text(EXPERIMENT.format(hold="90s"))
    known = runs.known()
    runner = containers.start("run", file, "--target", containers.target)
    try:
        run = runs.new(known)
        runs.wait_injected(run)
        assert not serves(containers)
    finally:
        runner.kill()
        runner.communicate(timeout=30)
    killed = time.monotonic()
    wait_until(lambda: serves(containers), DURATION_SECONDS + 8, "shop-2 to serve again")
    assert time.monotonic() - killed > 1, "the lease had not run out yet: somebody else undid it"
    log = run / "watchdog.log"
    wait_until(lambda: log.exists() and "undone:" in log.read_text(), 30, "its word on disk")
    wait_until(lambda: containers.command("status")[0] == 0, 90, "the stack to be well")


def test_nothing_is_left_after_down(containers, client, mine):
    state = containers.settings.state
    # Some images declare volumes: each container has one of its own, with no name and no label.
    mounts = [mount for container in mine.values() for mount in container.attrs["Mounts"]]
    volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
    assert len(volumes) > 1
    code, output = containers.command("down")
    assert code == 0, output
    assert left(client, state) == []
    assert volumes & {volume.name for volume in client.volumes.list()} == set()
    assert not state.exists()
    with pytest.raises(NotFound):
        mine["shop-1"].reload()


def serves(stack):
    try:
        return httpx.get(f"{stack.instance_url('shop-2')}/readyz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
