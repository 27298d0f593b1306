"""What the drill's Prometheus and Alertmanager are started with is accepted by each release that is tested with."""

import json
import re
import subprocess

import pytest

from compose import tools
from compose.config import programs as stack_programs
from compose.config import render
from compose.healthy_past import HISTORY, Counted, openmetrics
from compose.pace.timing import DRILL
from compose.settings import ROOT, StackSettings, from_environment
from compose.tools import Tools
from compose.topology import Topology, build
from tests.rules.conftest import OWN_ENGINE, programs_of, releases


@pytest.fixture
def settings(tmp_path) -> StackSettings:
    return from_environment({"STORMDRILL_STATE": str(tmp_path), "STORMDRILL_PORT_BASE": "20000"})


@pytest.fixture
def topology(settings) -> Topology:
    return build(settings)


def flags(role: str, settings: StackSettings, topology: Topology) -> list[str]:
    """What the role's program is started with, without the program."""
    paths = dict.fromkeys(tools.PACKAGES, settings.state / "unused")
    (launch,) = [each for each in stack_programs.launches(settings, topology, Tools(paths)) if each.name == role]
    return list(launch.argv[1:])


@pytest.mark.parametrize("role", ["prometheus", "alertmanager"])
def test_every_flag_is_known(role, settings, topology, run_tool):
    # Flags are read before the version is printed; one that is unknown is an error.
    assert "version" in run_tool(role, *flags(role, settings, topology), "--version")


def test_every_feature_is_known(settings, topology, run_tool):
    known = run_tool("prometheus", "--help").partition("Valid options:")[2].replace(",", " ").split()
    (asked,) = [flag for flag in flags("prometheus", settings, topology) if "--enable-feature" in flag]
    assert set(asked.partition("=")[2].split(",")) <= set(known), "an unknown feature is only a line in the log"


def test_the_drills_configuration_is_valid(settings, topology, run_tool):
    render.make_folders(settings, topology)
    render.write_all(settings, topology)
    config = settings.state / "config"
    output = run_tool("promtool", "check", "config", config / "prometheus.yml")
    assert output.count("SUCCESS") > 1, f"no rule file was found: {output}"
    run_tool("amtool", "check-config", config / "drill" / "alertmanager.yml")


def test_the_clean_past_becomes_blocks(tmp_path, run_tool):
    labels = {"job": "shop", "instance": "shop-1"}
    past = [Counted("a_bucket", labels | {"le": "0.5"}, 1000.0, 1.0), Counted("a_count", labels, 1000.0, 1.0)]
    # Well within one of the two hours that a block spans.
    (tmp_path / "past.om").write_text(openmetrics(past, 7200.0 * 250_000 + 3600, DRILL))
    run_tool("promtool", "tsdb", "create-blocks-from", "openmetrics", tmp_path / "past.om", tmp_path / "store")
    (block,) = (tmp_path / "store").glob("*/meta.json")
    stored = json.loads(block.read_text())["stats"]
    assert (stored["numSeries"], stored["numSamples"]) == (2, 2 * DRILL.scaled(HISTORY).total_seconds())


@pytest.mark.parametrize("release", releases()[1:])
def test_what_was_built_says_the_release_of_its_module(release):
    programs = programs_of(release)
    for name, module in (("prometheus", "prometheus"), ("promtool", "prometheus"), ("amtool", "alertmanager")):
        pinned = re.search(rf"prometheus/{module} v([\d.]+)", (ROOT / "tools" / module / "go.mod").read_text())
        version = re.sub(r"^0\.(\d)(\d\d)\.", r"\1.\2.", pinned[1])
        done = subprocess.run((programs[name], "--version"), capture_output=True, text=True, timeout=20, check=True)
        assert f"{name}, version {version} " in done.stdout + done.stderr


def test_where_the_other_release_was_to_be_built_its_absence_is_no_skip(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("STORMDRILL_CACHE", str(tmp_path))
    assert releases({OWN_ENGINE: "1"}) == ["installed", "built"]
    assert releases({}) == ["installed"]
    with pytest.raises(pytest.fail.Exception, match="built: missing"):
        programs_of("built")
