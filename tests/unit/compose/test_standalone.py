"""The self-contained Compose file: equal to what its command writes, and nothing in it is of this machine."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from docker.utils.build import exclude_paths

from compose.containers import digests
from compose.settings import ROOT, SHOPS
from compose.standalone import standalone
from compose.standalone.spec import SERVICES, TOXIPROXY
from compose.topology import INVENTORIES, REDIS_NODES

FILE = standalone.FOLDER / "compose.yaml"
ONCE = {"credentials", "redis-cluster", "migrate-shop", "migrate-inventory"}


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load(FILE.read_text())


def test_what_is_committed_is_what_the_command_writes():
    for path, content in standalone.files().items():
        assert path.read_text() == content, f"{path} is not up to date: make compose-file"


def test_it_is_the_whole_system_without_the_attacker(document):
    services = set(document["services"])
    assert len({name for name in services if name.startswith("shop-")}) == SHOPS
    assert len({name for name in services if name.startswith("inventory-")}) == INVENTORIES
    assert len({name for name in services if name.startswith("redis-") and name[6:].isdecimal()}) == REDIS_NODES
    assert services >= ONCE | {"haproxy", "postgres", "toxiproxy", "prometheus", "alertmanager", "pager", "jaeger"}
    assert not {"watchdog"} & services


def test_images_are_the_runtimes_and_ours_are_built_from_the_checkout(document):
    official, locked = digests.by_service(), digests.locked()
    for name, service in document["services"].items():
        if service["image"] in (SERVICES, TOXIPROXY):
            built = service.get("build")
            assert (FILE.parent / built["context"]).resolve() == ROOT if built else service["pull_policy"] == "never"
        else:
            reference = official["redis-1" if name == "redis-cluster" else name]
            assert service["image"] == "@".join(filter(None, (reference, locked.get(reference)))), name
            assert "build" not in service, name


def test_each_image_of_ours_is_built_by_one_service_which_all_that_use_it_bring_along(document):
    services = document["services"]
    builders = {service["image"]: name for name, service in services.items() if "build" in service}
    assert len(builders) == len([service for service in services.values() if "build" in service])
    assert set(builders) == {SERVICES, TOXIPROXY}
    for name, service in services.items():
        assert builders.get(service["image"], name) in {name, *needed(services, name)}, name


def needed(services, name):
    """The services that Compose brings up with this one."""
    direct = set(services[name].get("depends_on", ()))
    return direct.union(*(needed(services, each) for each in direct))


def test_images_are_pinned_where_there_is_a_lock(tmp_path, monkeypatch):
    lock, digest = tmp_path / "images.lock", f"sha256:{'0' * 64}"
    lock.write_text(digests.text(dict.fromkeys(digests.named(), digest)))
    monkeypatch.setenv("STORMDRILL_IMAGES_LOCK", str(lock))
    services = standalone.document()["services"]
    for service in services.values():
        pinned = service.get("build", {}).get("dockerfile_inline", "") + service["image"]
        assert digest in pinned or "pull_policy" in service or service["image"] == TOXIPROXY


def test_dockerfiles_copy_what_is_there_and_check_hashes(document):
    for service in ("pager", "toxiproxy"):
        dockerfile = document["services"][service]["build"]["dockerfile_inline"]
        copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, flags=re.MULTILINE)
        assert copied
        assert all((ROOT / path).exists() for paths in copied for path in paths.split())
    assert "--require-hashes" in document["services"]["pager"]["build"]["dockerfile_inline"]


def test_a_build_is_sent_what_it_copies_and_nothing_else(document, tmp_path):
    copied = {"services/shop/app.py", "compose/standalone/services.lock", "tools/go.mod", "tools/go.sum"}
    others = {".git/config", ".venv/x", "runs/1/y", "compose/settings.py", "tools/setup.sh", "tools/jaeger/go.mod"}
    others |= {"services/shop/__pycache__/app.pyc", "compose/standalone/compose.yaml", "README.md"}
    for name in copied | others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    sent = {name for name in exclude_paths(str(tmp_path), patterns) if (tmp_path / name).is_file()}
    assert sent - {"Dockerfile", ".dockerignore"} == copied
    dockerfiles = "".join(
        each["build"]["dockerfile_inline"] for each in document["services"].values() if "build" in each
    )
    paths = " ".join(re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfiles, flags=re.MULTILINE)).split()
    assert all(any(name == path or name.startswith(f"{path}/") for name in copied) for path in paths)


def test_what_is_copied_from_the_checkout_is_readable_whatever_its_umask_was(document):
    dockerfile = document["services"]["pager"]["build"]["dockerfile_inline"]
    made, run = dockerfile.split("\n\nFROM ")
    assert re.search(r"^COPY services (\S+)/services\nRUN chmod -R u=rwX,go=rX \1$", made, flags=re.MULTILINE)
    assert re.findall(r"^COPY (?!--from=packages )", run, flags=re.MULTILINE) == []


def test_nothing_in_it_is_of_the_machine_that_wrote_it(document):
    text = FILE.read_text()
    assert str(ROOT) not in text
    assert not re.search(r"/(home|root|var/tmp|work)/|/tmp/tmp", text)
    json.dumps(document)


def test_nothing_but_ports_is_taken_from_the_environment_of_who_brings_it_up():
    taken = re.findall(r"(?<!\$)(?:\$\$)*\$([^$].{0,40})", FILE.read_text())
    assert taken
    assert [each for each in taken if not re.match(r"\{STORMDRILL_[A-Z]+_PORT:", each)] == []


def test_each_is_unprivileged_and_published_on_loopback_only(document):
    for name, service in document["services"].items():
        assert service["user"] not in ("", "0", "root"), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] or "configs" in service, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_each_has_its_own_password_in_reach_and_no_other(document):
    """All are of one user, so that only what is not mounted is out of reach."""
    reach = {
        name: {volume.partition(":")[0] for volume in service.get("volumes", ()) if volume.startswith("credentials")}
        for name, service in document["services"].items()
    }
    makes = reach.pop("credentials")
    assert makes == {name for name in document["volumes"] if name.startswith("credentials")}
    for name, its in reach.items():
        role = re.sub(r"^migrate-|-[0-9]+$", "", name).replace("postgres-exporter", "exporter")
        known = role in ("shop", "inventory", "exporter", "postgres")
        assert its == ({f"credentials-{role}"} if known else set()), name


def test_who_makes_passwords_tells_each_its_own_once(tmp_path):
    told = [tmp_path / name for name in ("shop", "inventory", "exporter", "postgres")]
    for folder in told:
        folder.mkdir()
    program = ROOT / "compose/config/credentials.py"
    seen = []
    for _ in range(2):
        subprocess.run((sys.executable, program, tmp_path / "kept", tmp_path, "it"), check=True)
        seen.append({path: path.read_text() for folder in told[:3] for path in folder.iterdir()})
    assert seen[0] == seen[1]
    assert sorted(path.name for path in seen[0]) == ["postgres-exporter", "postgres-inventory", "postgres-shop"]
    assert len(set(seen[0].values())) == 3
    assert [path.name for path in told[3].iterdir()] == ["roles.sql"]


def test_only_postgres_and_the_front_are_kept_apart(document):
    networks = {name: set(service["networks"]) for name, service in document["services"].items()}
    assert {name for name, its in networks.items() if "front" in its} == {"haproxy", "shop-1", "shop-2", "shop-3"}
    assert networks["postgres"] == {"back"}
    assert "back" in networks["migrate-inventory"]


def test_every_file_that_a_command_or_a_file_names_is_there(document):
    text = json.dumps(document["services"]) + json.dumps(document["configs"])
    placed = {each["target"] for service in document["services"].values() for each in service.get("configs", ())}
    for path in set(re.findall(r"/etc/stormdrill/[\w./*-]+", text)):
        if not path.startswith("/etc/stormdrill/grafana"):
            assert any(re.fullmatch(path.replace("*", ".*"), each) for each in placed), path
    assert {each["source"] for service in document["services"].values() for each in service.get("configs", ())} == set(
        document["configs"]
    )


def test_what_a_service_needs_is_awaited(document):
    services = document["services"]
    assert services["shop-1"]["depends_on"]["redis-cluster"] == {"condition": "service_completed_successfully"}
    assert services["inventory-1"]["depends_on"]["migrate-inventory"] == {"condition": "service_completed_successfully"}
    assert services["migrate-shop"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert services["redis-6"]["depends_on"]["toxiproxy"] == {"condition": "service_started", "restart": True}
    assert services["postgres"]["healthcheck"]
    assert all(services[name]["restart"] == "no" for name in ONCE)


def test_the_official_postgres_image_makes_the_database_once(document):
    assert document["services"]["postgres"]["environment"]["POSTGRES_DB"] == "stormdrill"
    assert "CREATE DATABASE" not in FILE.read_text()
