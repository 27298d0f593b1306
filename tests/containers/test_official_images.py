"""The table of the official images is true of the images that are here: of stand-ins, or, where they can be pulled, of
the originals; and they have, in the releases that are named, what rules and dashboards read."""

import io
import re
import tarfile
import time

import httpx
import pytest
import yaml
from docker.errors import ImageNotFound

from compose.settings import ROOT
from tests.containers import machine
from tests.containers.official_images import absent, differences, row

pytestmark = [pytest.mark.stack, pytest.mark.slow]

REFERENCES = sorted(machine.official())
PROGRAM = {
    "haproxy": ("haproxy", "-v"),
    "redis": ("redis-server", "--version"),
    "postgres": ("postgres", "--version"),
    "python": ("python", "--version"),
    "prometheuscommunity/postgres-exporter": ("postgres_exporter", "--version"),
    "oliver006/redis_exporter": ("redis_exporter", "--version"),
    "prom/prometheus": ("prometheus", "--version"),
    "prom/alertmanager": ("alertmanager", "--version"),
}
"""How each is asked for its release; Jaeger's stand-in is built without one, and the unit tests look at its module."""
OTHERS = ("postgres", "redis", "haproxy", "prometheus", "alertmanager", "jaeger")
"""The jobs whose series are of somebody else's making."""
READY_WITHIN_SECONDS = 90


@pytest.fixture(params=REFERENCES)
def image(request, an_engine, client):
    """One of them, pulled if need be."""
    try:
        return client.images.get(request.param)
    except ImageNotFound:
        return client.images.pull(request.param)


@pytest.fixture
def of_table(image, request):
    return row(request.node.callspec.params["image"])


def test_it_is_outside_as_its_row_says(image, of_table):
    assert differences(image.attrs["Config"], of_table) == []


def test_it_has_the_programs_of_its_row_and_none_of_the_others(image, of_table, client):
    container = client.containers.create(image.id, command=["nothing is run"])
    try:
        assert [name for name, path in of_table.programs.items() if not has(container, path)] == []
        places = of_table.path.split(":")
        found = [name for name in absent(of_table) if any(has(container, f"{each}/{name}") for each in places)]
        assert found == []
    finally:
        container.remove(v=True)


@pytest.mark.parametrize("image", [each for each in REFERENCES if row(each).owners], indirect=True)
def test_its_folders_belong_to_whom_its_row_says(image, of_table, client):
    container = client.containers.create(image.id, command=["nothing is run"])
    try:
        assert {folder: owner(container, folder) for folder in of_table.owners} == dict(of_table.owners)
    finally:
        container.remove(v=True)


@pytest.mark.parametrize("image", [each for each in REFERENCES if row(each).repository in PROGRAM], indirect=True)
def test_it_is_of_the_release_that_its_tag_names(image, of_table, request, client):
    name, argument = PROGRAM[of_table.repository]
    program = of_table.programs[name]
    wanted = re.search(r":v?([\d.]+)", request.node.callspec.params["image"])[1]
    container = client.containers.create(image.id, [argument], entrypoint=[program], user="65534")
    try:
        container.start()
        assert container.wait(timeout=READY_WITHIN_SECONDS)["StatusCode"] == 0, container.logs()
        said = container.logs()
    finally:
        container.remove(force=True, v=True)
    assert re.search(rf"(?<![\d.]){re.escape(wanted)}(?!\d)", said.decode()), said


@pytest.fixture
def postgres(an_engine, client):
    """Starts the image that the stack uses, without a network."""
    begun = []

    def start(user="postgres", script=None, **environment):
        (reference,) = (each for each in REFERENCES if row(each).repository == "postgres")
        container = client.containers.create(
            reference, ["postgres"], user=user, environment=environment, network_mode="none"
        )
        begun.append(container)
        if script:
            container.put_archive("/docker-entrypoint-initdb.d", archive("script.sh", script))
        container.start()
        return container

    yield start
    for container in begun:
        container.remove(force=True, v=True)


def test_postgres_makes_the_database_named_like_the_user_by_itself(postgres):
    container = postgres(POSTGRES_USER="somebody", POSTGRES_HOST_AUTH_METHOD="trust")
    assert databases(container, "somebody") == {"postgres", "somebody", "template0", "template1"}


def test_postgres_makes_the_database_that_it_is_told_and_runs_scripts_as_its_own_user(postgres):
    container = postgres(
        user="root",
        script='psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "CREATE TABLE made_by_script ()"\n',
        POSTGRES_USER="somebody",
        POSTGRES_DB="something",
        POSTGRES_PASSWORD="secret",
    )
    assert databases(container, "somebody") == {"postgres", "something", "template0", "template1"}
    assert ask(container, "somebody", "something", "SELECT tablename FROM pg_tables WHERE tablename ~ '^made'") == {
        "made_by_script"
    }
    uids = container.exec_run(["grep", "^Uid:", "/proc/1/status"]).output.decode().split()[1:]
    assert set(uids) == {str(row("postgres").accounts["postgres"])}


def test_postgres_makes_none_without_a_password_or_trust(postgres):
    container = postgres(POSTGRES_USER="somebody")
    assert container.wait(timeout=READY_WITHIN_SECONDS)["StatusCode"] == 1
    assert b"superuser password is not specified" in container.logs()


def test_the_series_of_others_that_rules_and_dashboards_read_are_there_in_these_releases(containers):
    listed = yaml.safe_load((ROOT / "alerts" / "series.yml").read_text())
    files = [*ROOT.glob("alerts/*.rules.yml"), *ROOT.glob("dashboards/*.json")]
    words = {word for file in files for word in re.findall(r"\b[a-z][a-z0-9_]{3,}\b", file.read_text())}
    read = {name for name in words & listed.keys() if set(listed[name]["labels"]["job"]) & set(OTHERS)}
    assert len(read) > 60
    prometheus = f"http://127.0.0.1:{containers.topology.one('prometheus').port}"
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while missing := read - set(httpx.get(f"{prometheus}/api/v1/label/__name__/values").json()["data"]):
        assert time.monotonic() < deadline, f"no series: {sorted(missing)}"
        time.sleep(1)


def databases(container, user):
    return ask(container, user, "postgres", "SELECT datname FROM pg_database")


def ask(container, user, database, query):
    """What the server says that is there at last, not the one that is there for a while."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while container.exec_run(["pg_isready", "-h", "127.0.0.1"]).exit_code:
        container.reload()
        assert container.status == "running", container.logs().decode()
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.1)
    done = container.exec_run(["psql", "-U", user, "-d", database, "-Atc", query])
    assert done.exit_code == 0, done.output
    return set(done.output.decode().split())


def has(container, path):
    """Whether a container, which need not run, has this file."""
    api = container.client.api
    url = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    status = api.head(url, params={"path": path}).status_code
    assert status in (200, 404), status
    return status == 200


def owner(container, folder):
    packed = io.BytesIO(b"".join(container.get_archive(folder)[0]))
    with tarfile.open(fileobj=packed) as tar:
        return tar.next().uid


def archive(name, text):
    """A file, for Docker."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(text), 0o644
        tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()
