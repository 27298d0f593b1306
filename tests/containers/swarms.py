"""An engine that manages a Swarm, and what tests ask and tell it."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from compose.containers import engine
from compose.containers.swarm_spec import SERVICE_LABEL
from tests.containers import nodes
from tests.containers.conftest import OWN_ENGINE


@pytest.fixture(scope="module")
def a_manager(an_engine: None) -> Iterator[None]:
    """The engine manages a Swarm: the tests' own is made to, a user's is left as it is."""
    if not os.environ.get(OWN_ENGINE):
        if not engine.connect().info()["Swarm"]["ControlAvailable"]:
            pytest.skip("this engine is no manager of a Swarm")
        yield
        return
    with nodes.bridge():
        command("swarm", "init", "--advertise-addr", nodes.MANAGER)
        yield
        command("swarm", "leave", "--force")


def command(*arguments: str) -> None:
    """One `docker` command. CalledProcessError when it fails."""
    subprocess.run(("docker", *arguments), check=True, capture_output=True, timeout=60)


def replicas(client: docker.DockerClient) -> dict[str, Any]:
    """The shop's running containers on this machine, by their ids."""
    return {each.id: each for each in client.containers.list(filters={"label": f"{SERVICE_LABEL}=shop"})}
