"""Writes the configuration of every program into the state folder, from one template each."""

import json
from pathlib import Path

import jinja2

from compose import drill_time
from compose.config import connections, credentials, grafana, haproxy, scrape
from compose.pace import timing
from compose.pace.receivers import Pager
from compose.settings import ROOT, StackSettings
from compose.topology import Program, Proxy, Topology

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701  # configuration files, not HTML
)


def make_folders(settings: StackSettings, topology: Topology) -> None:
    """Make the folders of the state folder: one for all configuration, one for all logs, one for each one's data."""
    for folder in ("config", "logs", "run", "data", *(f"data/{program.name}" for program in topology.programs)):
        path = settings.state / folder
        path.mkdir(exist_ok=True)
        # Whatever the umask: Postgres and the containers run as others, and pass through.
        path.chmod(0o711)


def readable(path: Path) -> None:
    """Let everybody read a file or all that a folder has, whatever the umask: programs run as many users.

    For configuration, in which nothing is secret.
    """
    for each in (path, *path.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)


def write_all(settings: StackSettings, topology: Topology) -> None:
    """Write every configuration file below `state/config`, drill-time rules and routing included, for all to read."""
    config = settings.state / "config"
    (config / "haproxy.cfg").write_text(haproxy_cfg(settings, topology))
    for edge in topology.of_role("edge"):
        (config / f"{edge.name}.cfg").write_text(edge_cfg(edge, settings, topology))
    for node in topology.of_role("redis"):
        write("redis.conf", settings, _redis(node, settings, topology), as_name=f"{node.name}.conf")
    for jaeger in topology.of_role("jaeger"):
        query, otlp, metrics, grpc, storage = jaeger.ports
        ports = {"query_port": query, "otlp_port": otlp, "metrics_port": metrics, "grpc_port": grpc}
        ports |= {"storage_port": storage}
        write("jaeger.yaml", settings, {"listen": topology.listen, **ports})
        http, grpc = topology.jaeger_ui, topology.jaeger_ui + 1
        write("jaeger-ui.yaml", settings, {"http_port": http, "grpc_port": grpc, "storage_port": storage})
    grafana.write(settings, topology)
    write("prometheus.yml", settings, _prometheus(settings, topology))
    (config / "toxiproxy.json").write_text(json.dumps(_toxiproxy(topology), indent=1))
    drill_time.generate(
        ROOT / "alerts",
        ROOT / "alerts" / "alertmanager.yml",
        # The other receivers go straight: they tell when this way is broken.
        Pager(
            f"http://{topology.at(topology.one('pager').port)}",
            ways={"pager": f"http://{topology.at(topology.proxy('pager').listen)}"},
        ),
        config / "drill",
        profile=timing.at(settings.pace),
        dashboards="".join(f"http://127.0.0.1:{one.port}" for one in topology.of_role("grafana")),
    )
    readable(config)


def haproxy_cfg(settings: StackSettings, topology: Topology) -> str:
    """The load balancer's configuration."""
    return text("haproxy.cfg", haproxy.values(settings, topology))


PG_HBA = "host all all all scram-sha-256\n"
"""Whom Postgres lets in: roles by their passwords, superusers too, and only by TCP."""


def edge_cfg(edge: Program, settings: StackSettings, topology: Topology) -> str:
    """The configuration of an edge in front of the load balancer."""
    return text("edge.cfg", haproxy.edge_values(edge, settings, topology))


def postgresql_conf(topology: Topology) -> str:
    """Postgres's own settings; appended to what initdb wrote, so that its defaults stay."""
    values = {"listen": topology.listen, "port": topology.one("postgres").port, "max_connections": connections.MOST}
    return text("postgresql.conf", values)


def text(name: str, values: dict[str, object]) -> str:
    """One template, filled; a value that it names and is not given is an error."""
    return _TEMPLATES.get_template(f"{name}.j2").render(values)


def write(name: str, settings: StackSettings, values: dict[str, object], as_name: str = "") -> None:
    """Write one template's file below `state/config`."""
    filled = text(name, {**values, "state": settings.state, "root": ROOT})
    (settings.state / "config" / (as_name or name)).write_text(filled)


def _redis(node: Program, settings: StackSettings, topology: Topology) -> dict[str, object]:
    return {
        "port": node.port,
        "listen": topology.listen,
        "apart": topology.apart,
        "bus_port": node.ports[1],
        "announced_bus_port": topology.bus_port(node),
        "announced_port": topology.proxy(node.name).listen,
        "data": settings.state / "data" / node.name,
        "users": credentials.redis_users(topology.secrets) if topology.redis_passwords else "",
    }


def _prometheus(settings: StackSettings, topology: Topology) -> dict[str, object]:
    profile = timing.at(settings.pace)
    return {
        "scrape_interval": profile.scrape_interval_text,
        "scrape_timeout": profile.scrape_timeout_text,
        "evaluation_interval": profile.evaluation_interval_text,
        "rules": settings.state / "config" / "drill" / "rules",
        "alertmanager": topology.at(topology.one("alertmanager").port),
        "at": topology.at,
        "jobs": scrape.jobs(topology),
    }


def _listen(proxy: Proxy, topology: Topology) -> str:
    # Through one a page could be made up, and no service needs the other.
    if proxy.links[:1] in (("pager",), ("metrics/postgres",)):
        return topology.listen_for_administrators(topology.one("toxiproxy"))
    return topology.listen


def _toxiproxy(topology: Topology) -> list[dict[str, object]]:
    return [
        {
            "name": proxy.name,
            "listen": f"{_listen(proxy, topology)}:{proxy.listen}",
            "upstream": topology.at(proxy.upstream),
            "enabled": True,
        }
        for proxy in topology.proxies
    ]
