"""What is written for the programs can be read by all who run them, whatever the umask of who brings them up."""

import os
import stat

import pytest

from compose.config import render
from compose.containers import containers
from compose.containers.container_spec import POSTGRES_INIT
from compose.settings import from_environment
from compose.topology import build


@pytest.fixture(params=[0o077, 0o027])
def settings(request, tmp_path):
    before = os.umask(request.param)
    state = tmp_path / "state"
    state.mkdir()
    yield from_environment({"STORMDRILL_STATE": str(state), "STORMDRILL_PORT_BASE": "20000"})
    os.umask(before)


def modes(state):
    config = state / "config"
    return {path: stat.S_IMODE(path.stat().st_mode) for path in (config, *config.rglob("*"))}


def assert_readable(state):
    for path, mode in modes(state).items():
        assert mode == (0o755 if path.is_dir() else 0o644), path
    for folder in ("data", "run", "logs"):
        assert stat.S_IMODE((state / folder).stat().st_mode) == 0o711, "who runs a program passes through"


def test_by_processes(settings):
    topology = build(settings)
    render.make_folders(settings, topology)
    render.write_all(settings, topology)
    assert_readable(settings.state)


def test_by_containers(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("STORMDRILL_IMAGES_LOCK", str(tmp_path / "none"))
    monkeypatch.setattr(containers.image_build, "services", lambda _: "ours:1")
    monkeypatch.setattr(containers.image_build, "toxiproxy", lambda _: "ways:1")
    monkeypatch.setattr(containers.image_pull, "missing", lambda *_: None)
    monkeypatch.setattr(containers.engine, "gateway", lambda: "127.0.0.1")
    containers.Containers(settings).prepare(build(settings, apart=True), lambda _: None)
    assert_readable(settings.state)
    names = {path.name for path in modes(settings.state)}
    assert names >= {POSTGRES_INIT, "compose.yaml", "postgresql.conf", "haproxy.cfg", "supervisord.conf", "jaeger.yaml"}


def test_a_single_file_that_is_written_later(settings):
    file = settings.state / "later"
    file.write_text("for a container")
    render.readable(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
