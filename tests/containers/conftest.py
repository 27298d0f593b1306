"""A stack in containers: on the engine that is there, or, for CI's machines, on one that the tests start."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from compose import runtime
from compose.containers import engine
from compose.containers.container_spec import STACK_LABEL
from compose.settings import ROOT, from_environment
from compose.tools import MissingTool, cache_folder
from tests.conftest import TEST_PORT_BASE, Stack
from tests.containers import autopsy, hidden, machine

OWN_ENGINE = "STORMDRILL_OWN_DOCKER"
"""Set on machines that can pull no image: the tests start an engine of their own, with stand-ins."""

OWN_COMPOSE = "STORMDRILL_COMPOSE"
"""Which Docker Compose that engine has: a folder of tools/, from which `make setup` has built it."""


_OWN: list[Path] = []
"""The folder of the engine that the tests have started."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """With a failure comes what the engine was waiting for."""
    report = yield
    if report.failed and _OWN:
        report.sections.append(("the engine", autopsy.report(_OWN[0])))
    return report


@pytest.fixture(scope="session")
def an_engine() -> Iterator[None]:
    """A Docker engine with Compose and the images, or the way to them."""
    if os.environ.get(OWN_ENGINE):
        folder = Path(tempfile.mkdtemp(prefix="stormdrill-docker-", dir="/var/tmp"))
        try:
            with machine.engine(folder) as host, pytest.MonkeyPatch.context() as patch:
                patch.setenv("DOCKER_HOST", host)
                patch.setenv("DOCKER_CONFIG", str(cache_folder() / os.environ.get(OWN_COMPOSE, "docker-compose")))
                patch.setenv("STORMDRILL_IMAGES_LOCK", str(folder / "none"))
                _OWN.append(folder)
                machine.make_images(host)
                yield
        finally:
            _OWN.clear()
            shutil.rmtree(folder)
        return
    try:
        # By its command: a client of the library that finds nobody leaves its socket open.
        subprocess.run(("docker", "version"), capture_output=True, timeout=30, check=True)
        engine.assert_fit()
    except (OSError, subprocess.SubprocessError, MissingTool) as missing:
        pytest.skip(f"no containers here: {missing}")
    yield


@pytest.fixture(scope="session")
def containers(an_engine: None) -> Iterator[Stack]:
    """A whole stack in containers, proven healthy; nothing of it is left afterwards."""
    # Not for a user who runs the tests: what hides a program takes root.
    within = hidden.command() if os.environ.get(OWN_ENGINE) else ()
    with a_stack("compose", int(TEST_PORT_BASE) + 1000, within) as stack:
        yield stack


@contextmanager
def a_stack(runtime_name: str, port_base: int, within: tuple[str, ...] = ()) -> Iterator[Stack]:
    """Bring one up with this runtime, by a command that runs `within` another, and take it down again."""
    state = Path(tempfile.mkdtemp(prefix=f"stormdrill-{runtime_name}-", dir="/var/tmp"))
    runs = Path(tempfile.mkdtemp(prefix="stormdrill-runs-", dir="/var/tmp"))
    environment = os.environ | {
        "RUNTIME": runtime_name,
        "STORMDRILL_PORT_BASE": str(port_base),
        "STORMDRILL_STATE": str(state),
        "STORMDRILL_RUNS": str(runs),
    }
    settings = from_environment(environment)
    try:
        if within:
            # For the first time it builds images.
            command = (*within, sys.executable, "-m", "chaos", "up")
            subprocess.run(command, env=environment, cwd=ROOT, timeout=600, check=True)
        yield Stack(settings, runtime.up(settings, print), environment, within)
    finally:
        runtime.down(settings, print)
        shutil.rmtree(runs)


@pytest.fixture
def client() -> docker.DockerClient:
    return engine.connect()


def left(client: docker.DockerClient, state: Path) -> list[str]:
    """What the engine still has of the stack in this folder."""
    mine = {"label": f"{STACK_LABEL}={state}"}
    everything = [
        *client.containers.list(all=True, filters=mine),
        *client.networks.list(filters=mine),
        *client.volumes.list(filters=mine),
    ]
    return [each.name for each in everything]
