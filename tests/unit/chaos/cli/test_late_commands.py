"""A command that does not end, or fails, is told in a line and with what to do next: never by a traceback."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from chaos.cli import main
from chaos.cli import stack as own_stack
from chaos.verdict.verdict import ExitCode
from compose import command, stack
from compose.containers import containers, engine, go_program, image_build
from compose.containers.images import images
from compose.settings import from_environment
from compose.stack import StackError
from compose.tools import MissingTool
from compose.topology import build

LATE = subprocess.TimeoutExpired(("docker", "compose", "--project-name", "x", "up"), 300)


def late(*_, **__):
    raise LATE


@pytest.fixture
def settings(tmp_path):
    return from_environment({"STORMDRILL_STATE": str(tmp_path / "state"), "STORMDRILL_PORT_BASE": "31000"})


def test_while_the_stack_comes_up(settings):
    runtime = SimpleNamespace(
        name="compose", notices=list, topology=lambda: build(settings), end_all=lambda _: None, prepare=late
    )
    with pytest.raises(StackError, match=r"docker compose --project-name… took longer than 300 s; try again"):
        stack.up(settings, runtime, lambda _: None)


@pytest.mark.parametrize("error", [LATE, subprocess.CalledProcessError(1, ("docker", "version"))])
def test_in_any_command(monkeypatch, capsys, error):
    def fail(_):
        raise error

    monkeypatch.setattr(sys, "argv", ["stormdrill", "status"])
    monkeypatch.setattr(own_stack.runtime, "status", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == ExitCode.INVALID
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("stormdrill: Command ")


def test_when_docker_is_asked_what_it_is(monkeypatch):
    monkeypatch.setattr(engine, "_docker", lambda: "docker")
    monkeypatch.setattr(engine.subprocess, "run", late)
    with pytest.raises(MissingTool, match=r"`docker context inspect .*` says nothing for 30 s: "):
        engine.assert_fit()


def test_when_an_images_packages_are_fetched(monkeypatch):
    monkeypatch.setattr(image_build.subprocess, "run", late)
    with pytest.raises(StackError, match=r"packages are not there after 600 s; .* try again"):
        image_build._wheels("", SimpleNamespace(version=lambda: {"Arch": "amd64"}))


def test_when_toxiproxy_is_built(monkeypatch, tmp_path):
    monkeypatch.setattr(go_program.subprocess, "run", late)
    monkeypatch.setattr(go_program, "_find_go", lambda: "go")
    with pytest.raises(StackError, match="not built after 600 s"):
        go_program._build(tmp_path / "toxiproxy", "amd64")


def test_all_official_images_of_containers_are_pulled_ahead(settings):
    asked = containers._official(build(settings, apart=True), images("ours:1", "ways:1"))
    assert {each.partition(":")[0] for each in asked} == {
        *("haproxy", "redis", "postgres", "prom/prometheus", "prom/alertmanager", "jaegertracing/jaeger"),
        *("prometheuscommunity/postgres-exporter", "oliver006/redis_exporter", "grafana/grafana"),
    }


def test_what_is_said_of_a_late_command_is_how_long_it_was_given():
    with pytest.raises(subprocess.TimeoutExpired, match=r"'sleep', '20'\)? ?.*timed out after 0\.3 seconds"):
        command.run(("sleep", "20"), within_seconds=0.3)
