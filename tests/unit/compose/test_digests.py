"""The images' lock file: read, written, applied; and never of other images than those that are named."""

import re

import pytest

from compose.containers import digests
from compose.containers.digests import InvalidLock
from compose.containers.images import images
from compose.settings import ROOT
from compose.standalone import standalone
from compose.standalone.spec import SERVICES, TOXIPROXY
from compose.tools import MissingTool

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.fixture
def lock(tmp_path, monkeypatch):
    file = tmp_path / "images.lock"
    monkeypatch.setenv("STORMDRILL_IMAGES_LOCK", str(file))
    return file


def test_what_is_written_is_read():
    every = dict.fromkeys(digests.named(), DIGEST)
    assert digests.parse(digests.text(every)) == every


@pytest.mark.parametrize(
    "line",
    ["postgres:17", "postgres sha256:12", f"postgres {DIGEST}", f"postgres:17 {DIGEST[:-1]}", f"postgres:17 {DIGEST}x"],
)
def test_a_broken_line_is_named(line):
    with pytest.raises(InvalidLock, match="line 2 "):
        digests.parse(f"# head\n{line}\n")


def test_the_same_image_twice_is_refused():
    with pytest.raises(InvalidLock, match="line 2 "):
        digests.parse(f"postgres:17 {DIGEST}\npostgres:17 {DIGEST}\n")


def test_without_a_lock_tags_are_used(lock):
    assert not lock.exists()
    assert digests.pinned(images("ours:1", "ways:1")) == images("ours:1", "ways:1")
    assert "@sha256" not in digests.pinned_dockerfile()


def test_every_official_image_is_pinned_and_ours_are_not(lock):
    lock.write_text(digests.text(dict.fromkeys(digests.named(), DIGEST)))
    pinned = digests.pinned(images("ours:1", "ways:1"))
    assert {role for role, image in pinned.items() if not image.reference.endswith(f"@{DIGEST}")} == {
        *("shop", "inventory", "pager", "toxiproxy")
    }
    assert pinned["redis"].reference == f"{digests.by_service()['redis-1']}@{DIGEST}"
    lines = digests.pinned_dockerfile().splitlines()
    assert all(f"@{DIGEST}" in line for line in lines if line.startswith("FROM"))
    assert [line for line in lines if line.startswith("FROM") and line.endswith(" AS packages")]


def test_the_self_contained_file_is_pinned_as_well(lock):
    lock.write_text(digests.text(dict.fromkeys(digests.named(), DIGEST)))
    services = standalone.document()["services"]
    official = {service["image"] for service in services.values()} - {SERVICES, TOXIPROXY}
    assert official
    assert [reference for reference in official if not reference.endswith(f"@{DIGEST}")] == []
    built = [service["build"]["dockerfile_inline"] for service in services.values() if "build" in service]
    begins = re.findall(r"^FROM (\S+)", "".join(built), flags=re.MULTILINE)
    assert {each.partition(":")[0] for each in begins} == {"python", "golang", "scratch"}
    assert [each for each in begins if each != "scratch" and not each.endswith(f"@{DIGEST}")] == []
    assert {each.partition("@")[0] for each in begins} - {"scratch"} <= digests.named()


def test_toxiproxy_is_built_with_the_go_that_its_module_asks_for():
    asked = re.search(r"^go (\d+\.\d+)", (ROOT / "tools" / "go.mod").read_text(), flags=re.MULTILINE)[1]
    assert f"golang:{asked}" in digests.named()


def test_a_lock_of_other_images_is_refused_with_what_to_do(lock):
    most = dict.fromkeys(sorted(digests.named())[1:], DIGEST)
    lock.write_text(digests.text(most))
    with pytest.raises(InvalidLock, match=rf"lacks {min(digests.named())}; `make image-digests`"):
        digests.pinned(images("ours:1", "ways:1"))


def test_where_the_digests_cannot_be_had_the_lock_stays_as_it_was(lock, monkeypatch, capsys):
    def nobody(timeout_seconds):
        raise MissingTool("docker: not found")

    monkeypatch.setattr(digests.engine, "connect", nobody)
    lock.write_text("as it was")
    assert digests.main() == 2
    assert lock.read_text() == "as it was"
    assert "docker: not found" in capsys.readouterr().err


def test_what_the_registry_says_is_written(lock, monkeypatch):
    monkeypatch.setattr(digests, "ask", lambda references: dict.fromkeys(references, DIGEST))
    assert digests.main() == 0
    assert digests.locked() == dict.fromkeys(digests.named(), DIGEST)


def test_the_committed_lock_if_there_is_one_is_of_the_images_that_are_named(monkeypatch):
    monkeypatch.delenv("STORMDRILL_IMAGES_LOCK", raising=False)
    assert set(digests.locked()) in (set(), digests.named())
