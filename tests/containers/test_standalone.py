"""The self-contained Compose file comes up by `docker compose` alone, serves, bears a restart, and leaves nothing."""

import os
import subprocess
import uuid
from functools import partial

import httpx
import pytest

from compose.containers import engine, image_build
from compose.standalone import standalone
from compose.standalone.spec import SERVICES, SHOWN, TOXIPROXY
from tests.conftest import TEST_PORT_BASE
from tests.containers.conftest import OWN_ENGINE
from tests.e2e.conftest import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PROJECT = "stormdrill-standalone-test"
PORTS = {word: int(TEST_PORT_BASE) + 3000 + place for place, word in enumerate(SHOWN.values())}


@pytest.fixture(scope="module")
def compose(an_engine, tmp_path_factory):
    """What the user types, and no more."""
    file = standalone.FOLDER / "compose.yaml"
    if os.environ.get(OWN_ENGINE):
        # Stand-ins have no digests: the same file, made without the lock that may be there.
        text, file = standalone.files()[file], tmp_path_factory.mktemp("standalone") / file.name
        file.write_text(text)
    return partial(_compose, ("--file", str(file), "--project-directory", str(standalone.FOLDER)))


def _compose(file, *arguments):
    command = ("docker", "compose", "--project-name", PROJECT, *file, *arguments)
    environment = os.environ | {f"STORMDRILL_{word}_PORT": str(port) for word, port in PORTS.items()}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(an_engine):
    """Where no stage of a build has a network, the images are those that the container runtime builds."""
    if not os.environ.get(OWN_ENGINE):
        return "--build"
    client = engine.connect()
    for reference, tag in ((image_build.services(print), SERVICES), (image_build.toxiproxy(print), TOXIPROXY)):
        client.images.get(reference).tag(tag)
    return "--no-build"


@pytest.fixture(scope="module")
def down(compose):
    """What the user types, until the engine has done it."""

    def ended(*arguments):
        # The engine says of a container that it is removed before its network knows, and refuses to remove that then
        # ("has active endpoints"). It is asked once more, as a user would; what is left after that is a failure.
        try:
            compose("down", "--volumes", *arguments)
        except AssertionError as refused:
            if "has active endpoints" not in str(refused):
                raise
            compose("down", "--volumes", *arguments)

    return ended


@pytest.fixture(scope="module")
def up(built, compose, down):
    try:
        try:
            compose("up", "--detach", built)
        except AssertionError:
            # Of what ends when it is done nothing else says why it did not.
            print(compose("logs", "--no-color", "--tail", "20", "credentials", "redis-cluster"))
            raise
        yield
    finally:
        down()


def test_compose_finds_nothing_to_complain_about(compose):
    assert compose("config", "--quiet") == ""


def test_it_serves_is_watched_and_does_so_again_after_a_restart(up, compose):
    wait_until(serves_an_order, 90, "an order")
    wait_until(lambda: not unwatched(), 90, "Prometheus to see every target up")
    # All addresses may be others then, Toxiproxy's too, by which the cluster's nodes know each other.
    compose("restart", "--timeout", "2")
    wait_until(serves_an_order, 120, "an order after a restart")


def test_nothing_of_it_is_left_after_down(up, down):
    # Its seconds of grace are the programs' business, and tested elsewhere.
    down("--timeout", "1")
    client = engine.connect()
    mine = {"label": f"com.docker.compose.project={PROJECT}"}
    left = (client.containers.list(all=True, filters=mine), client.networks.list(filters=mine))
    assert (*left, client.volumes.list(filters=mine)) == ([], [], [])


def serves_an_order():
    """By way of HAProxy, the Redis Cluster, Toxiproxy, Postgres and inventory."""
    order = {"sku": "sku-0001", "quantity": 1}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{PORTS['FRONT']}", timeout=5, trust_env=False) as client:
            session = client.post("/sessions")
            placed = client.post("/orders", json=order, headers={"Idempotency-Key": str(uuid.uuid4())})
    except httpx.HTTPError:
        return False
    return (session.status_code, placed.status_code) == (201, 201)


def unwatched():
    """The targets that Prometheus does not see up, or what keeps it from being asked."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{PORTS['PROMETHEUS']}/api/v1/query?query=up", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return str(error)
    up = {
        (each["metric"]["job"], each["metric"]["instance"], each["metric"].get("worker", "0")): each["value"][1]
        for each in answer.json()["data"]["result"]
    }
    # A process that replaces another takes the second port of its instance.
    return sorted(str(name) for name, value in up.items() if value != "1" and name[2] == "0") or (not up and "nothing")
