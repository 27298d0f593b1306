"""Grafana, where it is installed: what it would be started with. It was never run by these tests."""

import copy
import json
import re
import stat
from pathlib import Path

import pytest
import yaml

from compose import health, tools
from compose.config import grafana, programs, render, target_file
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


def test_in_a_container_it_asks_the_other_containers(tmp_path, settings):
    apart = build(settings, apart=True)
    env = launch(settings, apart, every(tmp_path, tmp_path / "grafana")).env
    assert (env["PROMETHEUS_URL"], env["JAEGER_URL"]) == ("http://prometheus:20010", "http://jaeger:20013")


def test_exemplars_lead_to_the_traces():
    (file,) = (PROVISIONING / "datasources").glob("*.yaml")
    prometheus, jaeger = yaml.safe_load(file.read_text())["datasources"]
    (exemplars,) = prometheus["jsonData"]["exemplarTraceIdDestinations"]
    assert exemplars == {"name": "trace_id", "datasourceUid": jaeger["uid"]}
    assert jaeger["type"] == "jaeger"
    assert prometheus["jsonData"]["timeInterval"] == "$PROMETHEUS_SCRAPE_INTERVAL"


def copies(settings):
    return {file.name: json.loads(file.read_text()) for file in grafana.dashboards_folder(settings).glob("*.json")}


def trace_links(boards):
    return [
        link["url"]
        for board in boards.values()
        for panel in board["panels"]
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", ())
        if "jaeger" in link["url"]
    ]


COMMITTED = {file.name: json.loads(file.read_text()) for file in (ROOT / "dashboards").glob("*.json")}


def test_where_jaegers_pages_answer_the_dashboards_search_for_traces_there(settings):
    grafana.write_dashboards(settings, "http://127.0.0.1:20024")
    found = copies(settings)
    assert trace_links(found) == trace_links(COMMITTED)
    variables = [one for board in found.values() for one in board["templating"]["list"] if one["name"] == "jaeger"]
    assert len(variables) == len(COMMITTED)
    assert {one["query"] for one in variables} == {"http://127.0.0.1:20024"}
    assert ":18013" not in json.dumps(found)


def test_where_they_do_not_no_panel_leads_to_them_and_nothing_else_is_changed(settings):
    grafana.write_dashboards(settings, "")
    found = copies(settings)
    assert len(trace_links(COMMITTED)) == 86
    assert "jaeger:raw" not in json.dumps(found)
    assert ":18013" not in json.dumps(found)
    for name, board in COMMITTED.items():
        without = copy.deepcopy(board)
        without["templating"]["list"] = [one for one in board["templating"]["list"] if one["name"] != "jaeger"]
        for panel in without["panels"]:
            if links := panel.get("fieldConfig", {}).get("defaults", {}).get("links"):
                panel["fieldConfig"]["defaults"]["links"] = [one for one in links if "Traces of" not in one["title"]
                                                             and "Failed traces" not in one["title"]]  # fmt: skip
        assert found[name] == without


@pytest.mark.parametrize("apart", [False, True])
def test_whoever_runs_it_beside_the_stack_has_its_settings(settings, apart):
    topology = build(settings, frozenset({"grafana"}), apart=apart)
    (settings.state / "config").mkdir()
    grafana.write(settings, topology)
    env = dict(line.split("=", 1) for line in grafana.environment_file(settings).read_text().splitlines())
    assert env["PROMETHEUS_URL"] == "http://127.0.0.1:20010"
    assert env["JAEGER_URL"] == "http://127.0.0.1:20013"
    assert (env["GF_SERVER_HTTP_ADDR"], env["GF_SERVER_HTTP_PORT"]) == ("127.0.0.1", "20019")
    # Its image has folders of its own to write to; what it reads is what is mounted.
    assert not {"GF_PATHS_DATA", "GF_PATHS_LOGS", "GF_PATHS_PLUGINS"} & set(env)
    read = [env["GF_PATHS_PROVISIONING"], env["DASHBOARDS_FOLDER"], env["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]]
    assert all(Path(path).is_relative_to(grafana.folder(settings)) and Path(path).exists() for path in read)
    assert len(list(grafana.folder(settings).rglob("provisioning/*/*.yaml"))) == 2


def test_where_it_is_not_installed_it_is_left_out_and_said_so(settings):
    without = build(settings, frozenset({"grafana"}))
    assert not without.of_role("grafana")
    assert "grafana" not in target_file.urls(without)
    assert not [probe for probe in health.everything(without) if "grafana" in probe.name]
    assert "dashboards are not drawn" in " ".join(Tools({}).notices())


def test_where_it_is_installed_people_are_told_where(settings, stack):
    assert target_file.urls(stack)["grafana"] == "http://127.0.0.1:20019"
    assert [probe for probe in health.everything(stack) if "grafana" in probe.name]


@pytest.mark.parametrize(("left_out", "wanted"), [((), "http://127.0.0.1:20019/d/"), (("grafana",), None)])
def test_the_stacks_alerts_lead_to_its_dashboards_or_to_none(settings, left_out, wanted):
    topology = build(settings, frozenset(left_out))
    render.make_folders(settings, topology)
    render.write_all(settings, topology)
    files = sorted((settings.state / "config" / "drill" / "rules").glob("*.yml"))
    rules = [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    alerts = [rule["annotations"] for rule in rules if "alert" in rule]
    assert len(alerts) > 40
    assert all("summary" in one for one in alerts)
    if wanted is None:
        assert not [one for one in alerts if "dashboard_url" in one]
    else:
        linked = [one["dashboard_url"] for one in alerts if "dashboard_url" in one]
        assert all(url.startswith(wanted) for url in linked)
        assert len(linked) == sum(
            text.count("dashboard_url:") for text in map(Path.read_text, (ROOT / "alerts").glob("*.rules.yml"))
        )
