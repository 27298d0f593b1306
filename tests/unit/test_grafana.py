"""Grafana, where it is installed: what it would be started with. It was never run by these tests."""

import re
import stat

import pytest
import yaml

from compose import grafana, health, programs, render, target_file, tools
from compose.settings import ROOT, from_environment
from compose.tools import Tools
from compose.topology import build

PROVISIONING = ROOT / "dashboards" / "provisioning"


@pytest.fixture
def settings(tmp_path):
    return from_environment({"STORMDRILL_STATE": str(tmp_path), "STORMDRILL_PORT_BASE": "20000"})


@pytest.fixture
def stack(settings):
    return build(settings)


def installed(folder, name, *, unpacked):
    program = folder / "grafana-12" / "bin" / name
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    if unpacked:
        (folder / "grafana-12" / "conf").mkdir()
        (folder / "grafana-12" / "conf" / "defaults.ini").write_text("")
    return program


def every(tmp_path, program):
    paths = dict.fromkeys(tools.PACKAGES, tmp_path / "some-program")
    return Tools(paths | {"grafana": program})


def launch(settings, stack, found):
    return next(one for one in programs.launches(settings, stack, found) if one.name == "grafana")


@pytest.mark.parametrize(
    ("name", "unpacked", "command"),
    [
        ("grafana", True, ["server", "--homepath={home}"]),
        ("grafana-server", True, ["--homepath={home}"]),
        ("grafana-server", False, ["--homepath=/usr/share/grafana"]),
    ],
    ids=["a release", "a release before 13", "a package"],
)
def test_it_is_started_with_its_home(tmp_path, settings, stack, name, unpacked, command):
    program = installed(tmp_path, name, unpacked=unpacked)
    home = tmp_path / "grafana-12"
    started = launch(settings, stack, every(tmp_path, program))
    assert list(started.argv) == [str(program), *(part.format(home=home) for part in command)]


def test_it_is_found_on_path(tmp_path, monkeypatch):
    program = installed(tmp_path, "grafana", unpacked=True)
    monkeypatch.setenv("PATH", str(program.parent))
    assert tools._locate("grafana") == program


def test_it_listens_on_loopback_only_and_lets_nobody_change_anything(tmp_path, settings, stack):
    env = launch(settings, stack, every(tmp_path, tmp_path / "grafana")).env
    assert (env["GF_SERVER_HTTP_ADDR"], env["GF_SERVER_HTTP_PORT"]) == ("127.0.0.1", "20019")
    assert (env["GF_AUTH_ANONYMOUS_ENABLED"], env["GF_AUTH_ANONYMOUS_ORG_ROLE"]) == ("true", "Viewer")
    assert env["GF_AUTH_BASIC_ENABLED"] == "false"
    assert env["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    written = [env[name] for name in env if name.startswith("GF_PATHS_") and name != "GF_PATHS_PROVISIONING"]
    assert len(written) == 3
    assert all(path.startswith(str(settings.state)) for path in written)


def test_the_provisioning_files_get_every_value_they_ask_for(tmp_path, settings, stack):
    env = launch(settings, stack, every(tmp_path, tmp_path / "grafana")).env
    text = "".join(file.read_text() for file in PROVISIONING.rglob("*.yaml"))
    asked = set(re.findall(r"(?<!\$)\$(\w+)", text))
    assert asked == {"PROMETHEUS_URL", "PROMETHEUS_SCRAPE_INTERVAL", "JAEGER_URL", "DASHBOARDS_FOLDER"}
    assert asked <= set(env)
    assert (
        env["PROMETHEUS_SCRAPE_INTERVAL"]
        == yaml.safe_load(render_prometheus(settings, stack))["global"]["scrape_interval"]
    )


def render_prometheus(settings, stack):
    return render.text("prometheus.yml", render._prometheus(settings, stack))


def test_in_a_container_it_asks_the_other_containers_and_sends_a_browser_to_loopback(tmp_path, settings):
    apart = build(settings, apart=True)
    env = launch(settings, apart, every(tmp_path, tmp_path / "grafana")).env
    assert (env["PROMETHEUS_URL"], env["JAEGER_URL"]) == ("http://prometheus:20010", "http://jaeger:20013")
    grafana.write_dashboards(settings, apart)
    copies = [file.read_text() for file in grafana.dashboards_folder(settings).glob("*.json")]
    assert [text for text in copies if "http://127.0.0.1:20013" in text]
    assert not [text for text in copies if "http://jaeger:" in text], "no browser knows that name"


def test_exemplars_lead_to_the_traces():
    (file,) = (PROVISIONING / "datasources").glob("*.yaml")
    prometheus, jaeger = yaml.safe_load(file.read_text())["datasources"]
    (exemplars,) = prometheus["jsonData"]["exemplarTraceIdDestinations"]
    assert exemplars == {"name": "trace_id", "datasourceUid": jaeger["uid"]}
    assert jaeger["type"] == "jaeger"
    assert prometheus["jsonData"]["timeInterval"] == "$PROMETHEUS_SCRAPE_INTERVAL"


def test_its_dashboards_search_for_traces_in_this_stack(settings, stack):
    grafana.write_dashboards(settings, stack)
    copies = {file.name: file.read_text() for file in grafana.dashboards_folder(settings).glob("*.json")}
    assert copies.keys() == {file.name for file in (ROOT / "dashboards").glob("*.json")}
    assert all("http://127.0.0.1:20013" in text for text in copies.values())
    assert not [name for name, text in copies.items() if ":18013" in text]


def test_where_it_is_not_installed_it_is_left_out_and_said_so(settings):
    without = build(settings, frozenset({"grafana"}))
    assert not without.of_role("grafana")
    assert "grafana" not in target_file.urls(without)
    assert not [probe for probe in health.everything(without) if "grafana" in probe.name]
    assert "dashboards are not drawn" in " ".join(Tools({}).notices())


def test_where_it_is_installed_people_are_told_where(settings, stack):
    assert target_file.urls(stack)["grafana"] == "http://127.0.0.1:20019"
    assert [probe for probe in health.everything(stack) if "grafana" in probe.name]
