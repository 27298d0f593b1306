"""Writes the configuration of every program into the state folder, from one template each."""

import json
import os
import pwd
from pathlib import Path

import jinja2

from compose import drill_time, grafana, haproxy, programs, scrape
from compose.settings import ROOT, StackSettings
from compose.tools import Tools
from compose.topology import Program, Topology

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701  # configuration files, not HTML
)


def write_all(settings: StackSettings, topology: Topology, tools: Tools) -> None:
    """Write every configuration file below `state/config`, drill-time rules and routing included."""
    config = settings.state / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "haproxy.cfg").write_text(haproxy_cfg(settings, topology))
    for node in topology.of_role("redis"):
        _render("redis.conf", config, _redis(node, settings, topology), as_name=f"{node.name}.conf")
    for jaeger in topology.of_role("jaeger"):
        query, otlp, metrics, grpc = jaeger.ports
        ports = {"query_port": query, "otlp_port": otlp, "metrics_port": metrics, "grpc_port": grpc}
        _render("jaeger.yaml", config, {**ports})
    if topology.of_role("grafana"):
        grafana.write_dashboards(settings, topology)
    _render("prometheus.yml", config, _prometheus(settings, topology))
    _render("supervisord.conf", config, _supervisord(settings, topology, tools))
    (config / "toxiproxy.json").write_text(json.dumps(_toxiproxy(topology), indent=1))
    drill_time.generate(
        ROOT / "alerts",
        ROOT / "alerts" / "alertmanager.yml",
        f"http://127.0.0.1:{topology.one('pager').port}",
        config / "drill",
        # The other receivers go straight: they tell when this way is broken.
        {"pager": f"http://127.0.0.1:{topology.proxy('pager').listen}"},
    )


def haproxy_cfg(settings: StackSettings, topology: Topology) -> str:
    """The load balancer's configuration."""
    return _TEMPLATES.get_template("haproxy.cfg.j2").render(haproxy.values(settings, topology))


def postgresql_conf(topology: Topology) -> str:
    """Postgres's own settings; appended to what initdb wrote, so that its defaults stay."""
    return _TEMPLATES.get_template("postgresql.conf.j2").render(port=topology.one("postgres").port)


def _render(name: str, folder: Path, values: dict[str, object], as_name: str = "") -> None:
    (folder / (as_name or name)).write_text(_TEMPLATES.get_template(f"{name}.j2").render(values))


def _redis(node: Program, settings: StackSettings, topology: Topology) -> dict[str, object]:
    return {
        "port": node.port,
        "bus_port": node.ports[1],
        "announced_port": topology.proxy(node.name).listen,
        "data": settings.state / "data" / node.name,
    }


def _prometheus(settings: StackSettings, topology: Topology) -> dict[str, object]:
    profile = drill_time.DRILL
    return {
        "scrape_interval": profile.scrape_interval_text,
        "scrape_timeout": profile.scrape_timeout_text,
        "evaluation_interval": profile.evaluation_interval_text,
        "rules": settings.state / "config" / "drill" / "rules",
        "alertmanager_port": topology.one("alertmanager").port,
        "jobs": scrape.jobs(topology),
    }


def _supervisord(settings: StackSettings, topology: Topology, tools: Tools) -> dict[str, object]:
    return {
        "state": settings.state,
        "root": ROOT,
        "user": pwd.getpwuid(os.getuid()).pw_name if os.getuid() == 0 else "",
        "launcher": Path(__file__).with_name("launch.sh"),
        "programs": programs.launches(settings, topology, tools),
    }


def _toxiproxy(topology: Topology) -> list[dict[str, object]]:
    return [
        {
            "name": proxy.name,
            "listen": f"127.0.0.1:{proxy.listen}",
            "upstream": f"127.0.0.1:{proxy.upstream}",
            "enabled": True,
        }
        for proxy in topology.proxies
    ]
