"""What the stack relies on in each official image, against the table of what these images are."""

import functools
import re
from pathlib import Path

import pytest
import yaml

from compose.config.programs import launches
from compose.containers import container_spec
from compose.containers.container_spec import document
from compose.containers.containers import COMPOSE_FILE
from compose.containers.images import NAMES, images
from compose.settings import ROOT, from_environment
from compose.standalone import standalone
from compose.standalone.spec import SERVICES, TOXIPROXY
from compose.topology import build
from tests.containers import machine, official_images, stand_ins
from tests.containers.official_images import OFFICIAL, row

SETTINGS = from_environment({"STORMDRILL_STATE": "/var/tmp/x"})
USER = "1000:1000"
SHELLS = {"sh", "bash"}
BUILT_IN = {"done", "fi", "for", "read", "printf", "echo", "exit"}
OURS = {"shop", "inventory", "pager", "toxiproxy"}


@pytest.fixture(scope="module")
def topology():
    return build(SETTINGS, apart=True)


@pytest.fixture(scope="module")
def committed():
    return yaml.safe_load(COMPOSE_FILE.read_text())["services"]


@pytest.fixture(scope="module")
def generated(topology):
    return document(SETTINGS, topology, images("ours:1", "ways:1"), USER)["services"]


@pytest.fixture(scope="module")
def used(topology, committed):
    """Each program that runs in an official image: name of the service, its role, the image's row."""
    return [(one.name, one.role, row(committed[one.name]["image"])) for one in topology.programs if one.role in IMAGES]


@functools.cache
def alone():
    """The services of the self-contained file."""
    return standalone.document()["services"]


IMAGES = {role: image for role, image in images("ours:1", "ways:1").items() if role not in OURS}


def commands(script):
    """The programs that a shell's script calls."""
    parts = re.split(r"[;\n)|]|&&|\$\(", script)
    first = (re.sub(r"^(\s|!|\{|(until|do|then|if|exec)\b|timeout \d+|\w+=\S*)*", "", part).split() for part in parts)
    functions = set(re.findall(r"(\w+)\(\) \{", script))
    called = {words[0] for words in first if words and re.fullmatch(r"[a-z][a-z_-]*", words[0])}
    return (called | ({"timeout"} & set(script.split()))) - BUILT_IN - functions


def test_a_scripts_programs_are_found():
    assert commands("until address=$(getent ahostsv4 x); do sleep 0.1; done; exec redis-server $0") == {
        *("getent", "sleep", "redis-server")
    }
    assert commands("exec 3<>/dev/tcp/x; printf 'GET' >&3; read -r _ <&3; [ a = b ] && wget x") == {"wget"}
    assert commands("f() { redis-cli $1; }\nif ! grep a b; then f 1; fi\ntimeout 9 psql") == {
        *("redis-cli", "grep", "timeout", "psql")
    }


def test_each_image_that_is_named_has_one_row_and_no_row_is_left_over(committed):
    dockerfile = (ROOT / "compose" / "Dockerfile").read_text()
    named = {service["image"] for service in committed.values() if "image" in service}
    made_of = dockerfile + "".join(each["build"]["dockerfile_inline"] for each in alone().values() if "build" in each)
    named |= set(re.findall(r"^FROM (\S+)", made_of, flags=re.MULTILINE)) - {"scratch"}
    assert {row(reference).repository for reference in named} == {image.repository for image in OFFICIAL}
    assert len({image.repository for image in OFFICIAL}) == len(OFFICIAL)
    assert all(image.source for image in OFFICIAL)


def test_every_program_that_is_called_is_in_the_image(used):
    for name, role, image in used:
        for command in (IMAGES[role].entrypoint, IMAGES[role].healthcheck):
            if command is not None:
                assert image.finds(command[0]), f"{name}: no {command[0]} in {image.repository}"
                inside = commands(command[2]) if command[0] in SHELLS else set()
                assert {each for each in inside if not image.finds(each)} == set(), name


def test_tests_leave_no_nameless_volume_of_an_image_on_a_users_engine():
    sources = "".join(file.read_text() for file in (ROOT / "tests" / "containers").glob("*.py"))
    removals = re.findall(r"container\.remove\(([^)]*)\)", sources)
    assert len(removals) > 3
    assert [each for each in removals if "v=True" not in each] == []
    assert "remove=True" not in sources, "the library's own removal after a run leaves them"


def test_the_services_image_has_what_its_health_check_calls():
    python = row(re.findall(r"^FROM (\S+)", (ROOT / "compose" / "Dockerfile").read_text(), flags=re.MULTILINE)[-1])
    shell, _, script = images("ours:1", "ways:1")["shop"].healthcheck
    assert python.finds(shell)
    assert not {each for each in commands(script) if not python.finds(each)}


def test_what_is_run_in_a_container_beside_its_program_is_in_the_image():
    calls = {
        ("redis", "redis-cli"): re.compile(r'"exec", "-T", "-e", "REDISCLI_AUTH", nodes\[0\]\.name, "([\w-]+)"'),
        ("prom/prometheus", "promtool"): re.compile(r'engine\.beside\(state, "prometheus", \("(\w+)"'),
    }
    source = "".join(file.read_text() for file in (ROOT / "compose").rglob("*.py"))
    for (repository, program), call in calls.items():
        assert call.findall(source) == [program]
        assert row(repository).finds(program)
    # These are all: who adds one adds it here.
    assert len(re.findall(r'engine\.beside\(|"exec", "-T"|exec_run', source)) == len(calls)
    assert not re.findall(r"exec_run|exec_create", "".join(file.read_text() for file in (ROOT / "chaos").rglob("*.py")))


def test_arguments_are_given_to_the_program_or_to_a_script_that_passes_them_on(used, generated, topology):
    expected = {launch.name: launch for launch in launches(SETTINGS, topology, NAMES)}
    for name, role, image in used:
        if IMAGES[role].entrypoint is not None:
            continue
        if image.entrypoint[0] in image.programs.values() and not image.entry_point_does:
            assert [word.replace("$$", "$") for word in generated[name]["command"]] == list(expected[name].argv[1:])
        else:
            assert role in ("postgres", "grafana"), f"{name}: its entry point is a script, {image.entry_point_does}"


def test_postgres_image_is_used_as_its_entry_point_wants_it(generated, committed):
    image, service = row(committed["postgres"]["image"]), generated["postgres"]
    assert service["command"] == ["postgres"], "anything else is only started, with no database made"
    assert service["user"] in image.accounts, "initdb wants a user with a name"
    assert service["environment"]["POSTGRES_DB"]
    assert service["environment"]["POSTGRES_HOST_AUTH_METHOD"] == "trust" or service["environment"]["POSTGRES_PASSWORD"]
    data = image.environment["PGDATA"]
    assert [mount for mount in service["volumes"] if mount.endswith(f":{data}")], (
        "else the data lie in a nameless volume"
    )
    assert [mount for mount in service["volumes"] if ":/docker-entrypoint-initdb.d/" in mount]
    assert not {each for each in commands(container_spec.postgres_init(Path("/x"))) if not image.finds(each)}


def test_each_can_write_where_it_does_and_nowhere_else(used, generated, committed):
    for name, _, image in used:
        service = generated[name]
        writable = [mount.split(":")[1] for mount in service["volumes"] if not mount.endswith(":ro")]
        writable += [mount.partition(":")[0] for mount in committed[name]["tmpfs"]]
        environment = {**image.environment, **service["environment"]}
        for folder in image.writes:
            told = Path(environment[folder[1:]]) if folder.startswith("$") else Path(folder)
            assert [each for each in writable if told.is_relative_to(each)], f"{name} cannot write to {told}"


def test_nobody_depends_on_the_images_own_user_or_stop_signal(used, generated):
    for name, _, image in used:
        assert generated[name]["user"] in {USER, *image.accounts}, name
        assert generated[name]["stop_signal"], name


def test_the_self_contained_file_relies_on_nothing_else():
    ours = (SERVICES, TOXIPROXY)
    official = {name: service for name, service in alone().items() if service["image"] not in ours}
    assert len(official) > 10
    for name, service in official.items():
        image = row(service["image"])
        asked = service.get("healthcheck", {"test": ["CMD"]})["test"][1:]
        for command in (service.get("entrypoint", ()), asked):
            inside = commands(command[2].replace("$$", "$")) if command and command[0] in SHELLS else set()
            lacking = {each for each in {*command[:1], *inside} if not image.finds(each)}
            assert lacking == set(), f"{name}: not in {image.repository}"
        user = service["user"].partition(":")[0]
        number = image.accounts.get(user, -1) if not user.isdecimal() else int(user)
        for mount in service.get("volumes", ()):
            volume, folder = mount.split(":")[:2]
            if not volume.startswith(".") and not mount.endswith(":ro"):
                assert image.owners.get(folder) == number, f"{name}: {user} cannot write to a new volume at {folder}"


def test_a_stand_in_is_outside_as_its_row_says():
    for image in stood_in_for():
        text = stand_ins.dockerfile(image)
        assert f"ENV PATH={image.path}\n" in text
        assert not image.entrypoint or "ENTRYPOINT [" in text
        assert ("USER" in text) == bool(image.user)
        assert all(f'"{volume}"' in text for volume in image.volumes)
        assert all(f"COPY {name} {image.programs[name]}\n" in text for name in stand_ins.built(image))


def test_what_an_image_lacks_is_taken_from_its_stand_in():
    (haproxy,) = (line for line in stand_ins.dockerfile(row("haproxy")).splitlines() if line.startswith("RUN"))
    assert {"wget", "redis-cli", "psql", "python3"} <= set(re.findall(r"[\w-]+", haproxy))
    assert stand_ins.dockerfile(row("oliver006/redis_exporter")).count("busybox") == 0
    assert official_images.absent(row("oliver006/redis_exporter")) >= {"sh", "wget", "getent"}


def test_whatever_program_a_row_has_is_in_its_stand_in():
    debian = set(official_images.OFFICIAL[0].programs)
    for image in stood_in_for():
        text = stand_ins.dockerfile(image)
        for name, path in image.programs.items():
            # The base has Debian's programs at their places; the rest is put there.
            if image.base != "debian" or path.startswith("/usr/local/"):
                assert path in text, f"{image.repository}: no {path}"
            else:
                assert name in debian | {"postgres", "initdb", "pg_ctl", "pg_isready", "psql"}, name


def test_alpines_images_have_getent_and_grafanas_has_a_bash():
    assert row("jaegertracing/jaeger").finds("getent") == "/usr/bin/getent"
    assert "bash" in official_images.absent(row("jaegertracing/jaeger"))
    assert row("grafana/grafana").finds("bash") == "/bin/bash"
    assert "getent" in official_images.absent(row("prom/prometheus")), "uclibc's busybox has none"


def test_every_image_but_grafanas_has_a_stand_in():
    assert {row(reference).repository for reference in machine.official()} == {
        image.repository for image in stood_in_for()
    }


def stood_in_for():
    """Grafana can be brought up nowhere without its image, and nothing is built with Go's where there is no network."""
    return [image for image in OFFICIAL if image.repository not in ("grafana/grafana", "golang")]


def test_jaegers_stand_in_is_of_the_release_that_is_named(committed):
    (module,) = re.findall(r"jaegertracing/jaeger v1\.(\d+)\.(\d+)", (ROOT / "tools" / "go.mod").read_text())
    minor, patch = map(int, module)
    # Both lines are released together: 1.76 with 2.13.
    assert committed["jaeger"]["image"] == f"jaegertracing/jaeger:2.{minor - 63}.{patch}"


PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENGINE_29 = {"Env": [PATH], "Entrypoint": ["/redis_exporter"], "User": "59000:59000"}
"""As API 1.52 answers, which leaves out what is empty."""
ENGINE_20 = ENGINE_29 | {
    "Hostname": "",
    "AttachStdin": False,
    "Cmd": None,
    "Image": "sha256:0",
    "Volumes": None,
    "WorkingDir": "",
    "OnBuild": None,
    "Labels": None,
}
"""As Engine 20.10 answers of the same image; it has no StopSignal where none was given."""


@pytest.mark.parametrize("config", [ENGINE_20, ENGINE_29])
def test_an_image_is_compared_with_its_row_whichever_engine_answers(config):
    exporter = row("oliver006/redis_exporter")
    assert official_images.differences(config, exporter) == []
    for field, value in {
        "Entrypoint": None,
        "Cmd": ["a"],
        "User": "",
        "Volumes": {"/data": {}},
        "StopSignal": "SIGINT",
        "Env": ["PATH=/bin"],
    }.items():
        (said,) = official_images.differences(config | {field: value}, exporter)
        assert said.startswith("PATH" if field == "Env" else field)
    assert len(official_images.differences(config, row("postgres"))) > 4


def test_an_empty_answer_is_equal_to_no_row():
    assert [image for image in OFFICIAL if not official_images.differences({}, image)] == []
