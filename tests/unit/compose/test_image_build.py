"""The services' image: what is in it, that nothing else is, and that its Dockerfile keeps the rules of the trade."""

import ast
import re
import sys

from packaging.requirements import Requirement

from compose.containers import image_build
from compose.settings import ROOT

LISTED = [
    Requirement(line)
    for line in (ROOT / "services" / "requirements.txt").read_text().splitlines()
    if not line.startswith("#")
]
# Distribution → what it is imported as, where the two differ.
IMPORTED_AS = {
    "opentelemetry-sdk": "opentelemetry",
    "prometheus-client": "prometheus_client",
    "pydantic-settings": "pydantic_settings",
}
# These come with one that is listed.
COME_ALONG = {"starlette", "pydantic", "pydantic_core", "psycopg_pool"}


def test_what_the_services_import_is_listed():
    known = {IMPORTED_AS.get(each.name, each.name) for each in LISTED} | COME_ALONG | {"services"}
    for file in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
            assert foreign <= known, f"{file}: {foreign - known} is not in services/requirements.txt"


def test_the_crowds_image_has_all_that_its_users_import():
    there = {ROOT / "chaos" / name for name in image_build.CROWD_FILES}
    for file in there:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("chaos"):
                module = ROOT / node.module.replace(".", "/")
                assert {module.with_suffix(".py"), module.parent / "__init__.py"} <= there, f"{file}: {node.module}"


def test_the_lock_has_what_they_need_with_hashes_and_neither_tests_nor_attacker():
    lock = image_build.services_lock()
    names = set(re.findall(r"^([\w.-]+)==", lock, flags=re.MULTILINE))
    assert {each.name for each in LISTED} <= names
    assert {"starlette", "h11", "psycopg-binary", "psycopg-pool", "hiredis"} <= names
    assert not {"pytest", "locust", "mypy", "docker", "supervisor"} & names
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_crowds_lock_has_locust_and_no_service():
    names = set(re.findall(r"^([\w.-]+)==", image_build.crowd_lock(), flags=re.MULTILINE))
    assert {"locust", "gevent"} <= names
    assert not {"fastapi", "gunicorn", "mypy"} & names


def test_the_lock_is_for_the_images_python_and_not_for_this_machines(monkeypatch):
    lock = image_build.services_lock()
    assert not re.search(r"^async-timeout==", lock, flags=re.MULTILINE), "only Python before 3.11.3 needs it"
    assert ";" not in lock
    monkeypatch.setattr(image_build, "_PYTHONS", [{"python_version": "3.11", "python_full_version": "3.11.2"}])
    assert re.search(r"^async-timeout==", image_build.services_lock(), flags=re.MULTILINE)


def test_the_images_python_is_the_one_that_its_packages_are_chosen_for():
    dockerfile = (ROOT / "compose" / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM python:(\d+\.\d+)-", dockerfile, flags=re.MULTILINE)) == {image_build._PYTHON}


def test_the_dockerfile_keeps_the_rules():
    lines = (ROOT / "compose" / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line for line in lines if line and not line.startswith("#")]
    bases = [step.split()[1] for step in steps if step.startswith("FROM")]
    assert all(re.fullmatch(r"python:\d+\.\d+-slim-\w+", base) for base in bases), bases
    assert len(bases) == 2, "what builds is not in the result"
    assert not [step for step in steps if step.startswith(("ADD ", "MAINTAINER"))]
    assert not [step for step in steps if "sudo" in step or "apt-get" in step or "curl" in step]
    assert all("--no-cache-dir" in step for step in steps if "pip install" in step)
    [folder] = [step.split()[1] for step in steps if step.startswith("WORKDIR")]
    assert folder.startswith("/")
    [entry] = [step for step in steps if step.startswith("ENTRYPOINT")]
    assert entry.startswith("ENTRYPOINT ["), "a shell would not pass signals on"
    users = [step.split()[1] for step in steps if step.startswith("USER")]
    assert users
    assert users[-1].split(":")[0] not in ("0", "root")
    assert "://" not in "".join(lines), "no index's address"
