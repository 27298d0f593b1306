"""How Grafana is run when it is installed: on loopback, for viewers only, nothing outside the stack's folder.

What it shows comes from `dashboards/provisioning`, the same files that production uses; this gives them their values.
"""

from pathlib import Path

from compose.settings import ROOT, StackSettings
from compose.timing import DRILL
from compose.tools import Tools
from compose.topology import Program, Topology

DASHBOARDS = ROOT / "dashboards"
_DEBIAN_HOME = Path("/usr/share/grafana")
_TRACE_SEARCH_IN_FILES = "http://127.0.0.1:18013"
"""What stands in the committed dashboards: the Jaeger of a stack on the default ports."""


def argv(tools: Tools) -> tuple[str, ...]:
    """The command line; all settings are in the environment."""
    path = tools.path("grafana")
    server = () if path.name == "grafana-server" else ("server",)
    return (str(path), *server, f"--homepath={_home(path)}")


def environment(program: Program, settings: StackSettings, topology: Topology) -> dict[str, str]:
    """Grafana's settings, and the values that the provisioning files ask for."""
    data = settings.state / "data" / program.name
    return {
        "DASHBOARDS_FOLDER": str(dashboards_folder(settings)),
        "PROMETHEUS_URL": f"http://{topology.at(topology.one('prometheus').port)}",
        "PROMETHEUS_SCRAPE_INTERVAL": DRILL.scrape_interval_text,
        "JAEGER_URL": _traces(topology),
        "GF_PATHS_PROVISIONING": str(DASHBOARDS / "provisioning"),
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


def write_dashboards(settings: StackSettings, topology: Topology) -> None:
    """Copy the dashboards into the stack's folder, with this stack's trace search in them."""
    folder = dashboards_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    for file in DASHBOARDS.glob("*.json"):
        (folder / file.name).write_text(file.read_text().replace(_TRACE_SEARCH_IN_FILES, trace_search(topology)))


def _traces(topology: Topology) -> str:
    """Jaeger's address as Grafana itself reaches it: within the network where it is a container."""
    return next((f"http://{topology.at(jaeger.port)}" for jaeger in topology.of_role("jaeger")), _TRACE_SEARCH_IN_FILES)


def trace_search(topology: Topology) -> str:
    """Jaeger's address as a browser reaches it; without one, that of the committed files, where nobody answers."""
    return next((f"http://127.0.0.1:{jaeger.port}" for jaeger in topology.of_role("jaeger")), _TRACE_SEARCH_IN_FILES)


def dashboards_folder(settings: StackSettings) -> Path:
    """Where the copies are."""
    return settings.state / "config" / "dashboards"


def _home(path: Path) -> Path:
    # A release unpacked anywhere has its home above `bin`; packages install it to a place of its own.
    unpacked = path.resolve().parent.parent
    return unpacked if (unpacked / "conf" / "defaults.ini").is_file() else _DEBIAN_HOME
