"""How Grafana is run when it is installed: on loopback, for viewers only, nothing outside the stack's folder.

What it shows comes from `dashboards/provisioning`, the same files that production uses; this gives them their values.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from compose.pace import timing
from compose.settings import ROOT, StackSettings
from compose.tools import Tools
from compose.topology import Program, Topology, Wave

DASHBOARDS = ROOT / "dashboards"
_DEBIAN_HOME = Path("/usr/share/grafana")
_TRACE_SEARCH_IN_FILES = "http://127.0.0.1:18013"
"""What stands in the committed dashboards: the Jaeger of a stack on the default ports."""
_TRACE_VARIABLE = "jaeger"
_OWN_FOLDERS = ("GF_PATHS_DATA", "GF_PATHS_LOGS", "GF_PATHS_PLUGINS")
"""Where it writes; its image has places of its own."""


def argv(tools: Tools) -> tuple[str, ...]:
    """The command line; all settings are in the environment."""
    path = tools.path("grafana")
    server = () if path.name == "grafana-server" else ("server",)
    return (str(path), *server, f"--homepath={_home(path)}")


def environment(program: Program, settings: StackSettings, topology: Topology) -> dict[str, str]:
    """Grafana's settings, and the values that the provisioning files ask for."""
    data = settings.state / "data" / program.name
    jaeger = next(iter(topology.of_role("jaeger")), None)
    return {
        "DASHBOARDS_FOLDER": str(dashboards_folder(settings)),
        "PROMETHEUS_URL": f"http://{topology.at(topology.one('prometheus').port)}",
        "PROMETHEUS_SCRAPE_INTERVAL": timing.at(settings.pace).scrape_interval_text,
        "JAEGER_URL": f"http://{topology.at(jaeger.port)}" if jaeger else _TRACE_SEARCH_IN_FILES,
        "GF_PATHS_PROVISIONING": str(folder(settings) / "provisioning"),
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_LOGS": str(data / "logs"),
        "GF_PATHS_PLUGINS": str(data / "plugins"),
        "GF_SERVER_HTTP_ADDR": topology.listen,
        "GF_SERVER_HTTP_PORT": str(program.port),
        "GF_LOG_MODE": "console",
        "GF_LOG_LEVEL": "warn",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(dashboards_folder(settings) / "overview.json"),
        # Whoever reaches it may look; nobody can log in, so nobody can change anything.
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_AUTH_BASIC_ENABLED": "false",
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",
        "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
        # It must not ask the world for anything.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    }


def write(settings: StackSettings, topology: Topology) -> None:
    """Write what Grafana reads into the stack's folder."""
    shutil.copytree(DASHBOARDS / "provisioning", folder(settings) / "provisioning", dirs_exist_ok=True)
    write_dashboards(settings, "")
    # As somebody who looks would run it beside the stack, in this machine's network.
    program = Program("grafana", "grafana", (topology.grafana,), Wave.FRONT)
    env = environment(program, settings, topology.from_outside())
    lines = [f"{name}={value}\n" for name, value in env.items() if name not in _OWN_FOLDERS]
    environment_file(settings).write_text("".join(lines))


def write_dashboards(settings: StackSettings, traces: str) -> None:
    """Write the dashboards with links to the trace search at `traces`; empty: without any, as none answers."""
    copies = dashboards_folder(settings)
    copies.mkdir(parents=True, exist_ok=True)
    for file in DASHBOARDS.glob("*.json"):
        text = file.read_text()
        linked = text.replace(_TRACE_SEARCH_IN_FILES, traces) if traces else _without_traces(text)
        copy = copies / file.name
        # Grafana reads what has changed: it should not meet the half of one that has not.
        if not copy.exists() or copy.read_text() != linked:
            copy.write_text(linked)


def folder(settings: StackSettings) -> Path:
    """All that Grafana reads."""
    return settings.state / "config" / "grafana"


def dashboards_folder(settings: StackSettings) -> Path:
    """Where the copies are."""
    return folder(settings) / "dashboards"


def environment_file(settings: StackSettings) -> Path:
    """Its settings for `docker run --env-file`."""
    return folder(settings) / "environment"


def _without_traces(text: str) -> str:
    board: dict[str, Any] = json.loads(text)
    for panel in board["panels"]:
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        if "links" in defaults:
            defaults["links"] = [link for link in defaults["links"] if f"${{{_TRACE_VARIABLE}:" not in link["url"]]
    variables = board["templating"]["list"]
    board["templating"]["list"] = [one for one in variables if one["name"] != _TRACE_VARIABLE]
    return json.dumps(board, indent=2)


def _home(path: Path) -> Path:
    # A release unpacked anywhere has its home above `bin`; packages install it to a place of its own.
    unpacked = path.resolve().parent.parent
    return unpacked if (unpacked / "conf" / "defaults.ini").is_file() else _DEBIAN_HOME
