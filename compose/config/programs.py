"""How each program of the topology is started: command line, environment and stop signal."""

import os
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from compose.config import connections, credentials, grafana
from compose.pace import timing
from compose.settings import StackSettings
from compose.tools import Tools
from compose.topology import LOOPBACK, Program, Topology

POSTGRES_USER = "postgres"
"""Whom Postgres's processes run as."""
DATABASE = "stormdrill"
"""Each runtime makes it when it makes Postgres's data, and nobody else does."""
_DEADMAN_BEATS = 30
"""For so long the pager waits for the always-firing alert, which comes every second one."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What the process manager needs to start one program."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"

    @property
    def command(self) -> str:
        """The command line in supervisord's quoting, where `%` introduces an expansion."""
        return shlex.join(self.argv).replace("%", "%%")

    @property
    def environment(self) -> str:
        """The environment in supervisord's quoting."""
        return ",".join(f'{name}="{value}"'.replace("%", "%%") for name, value in sorted(self.env.items()))


def launches(settings: StackSettings, topology: Topology, tools: Tools) -> list[Launch]:
    """One launch for every program, in the topology's order."""
    return [_launch(program, settings, topology, tools) for program in topology.programs]


def as_postgres_user(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command as an unprivileged user when this is root: Postgres refuses to run as root."""
    if os.getuid() != 0:
        return argv
    return ("setpriv", f"--reuid={POSTGRES_USER}", f"--regid={POSTGRES_USER}", "--init-groups", *argv)


def postgres_dsn(
    topology: Topology,
    port: int,
    host: str = LOOPBACK,
    *,
    role: str = credentials.OWNER,
    database: str = DATABASE,
    application_name: str = "",
) -> str:
    """Connection string of the drill's database behind this port; of the password it says in which file it is."""
    told = {"passfile": str(credentials.password_file(topology.secrets, role))}
    if application_name:
        told["application_name"] = application_name
    return f"postgresql://{role}@{host}:{port}/{database}?{urlencode(told, safe='/')}"


def service_environment(program: Program, settings: StackSettings, topology: Topology) -> dict[str, str]:
    """The settings a service instance is started with; the user's own `SHOP_…` and so on win."""
    prefix = program.role.upper()
    redis_nodes = ",".join(topology.at(topology.proxy(node.name).listen) for node in topology.of_role("redis"))
    # No Jaeger, no endpoint: the services then make no spans.
    way = topology.at(topology.proxy("traces").listen)
    traces = [f"http://{way}/v1/traces" for _ in topology.of_role("jaeger")]
    ours = {
        # A Swarm fills in which of its replicas it starts.
        f"{prefix}_INSTANCE": f"{program.name}-{{{{.Task.Slot}}}}" if program.replicas else program.name,
        f"{prefix}_METRICS_HOST": topology.listen,
        f"{prefix}_METRICS_PORTS": f"{program.metrics_ports[0]}-{program.metrics_ports[-1]}",
        f"{prefix}_OTLP_ENDPOINT": "".join(traces),
        # A drill is short, and what it is about may be in any of its traces.
        f"{prefix}_TRACE_SAMPLE_RATIO": "1.0",
    }
    if program.role == "pager":
        ours["PAGER_JOURNAL"] = str(settings.state / "data" / program.name / "deliveries.ndjson")
        ours["PAGER_DEADMAN_TIMEOUT"] = f"{(_DEADMAN_BEATS * timing.at(settings.pace).beat).total_seconds():g}s"
    else:
        port = topology.postgres_port(program)
        # By its name pg_stat_activity says whose a connection is.
        ours[f"{prefix}_POSTGRES_DSN"] = postgres_dsn(
            topology, port, topology.host(port), role=program.role, application_name=program.name
        )
        size = str(connections.pool_size(settings, topology))
        ours |= {f"{prefix}_POSTGRES_POOL_MIN": size, f"{prefix}_POSTGRES_POOL_MAX": size}
    if program.replicas:
        # HAProxy numbers replicas as it comes to know their addresses.
        ours[f"{prefix}_NAMES_ITSELF"] = "true"
    if program.role == "shop":
        # Users come in by plain HTTP.
        ours["SHOP_SESSION_COOKIE_SECURE"] = "off"
        ours["SHOP_REDIS_NODES"] = redis_nodes
        if topology.redis_passwords:
            ours["SHOP_REDIS_USER"] = "shop"
            ours["SHOP_REDIS_PASSWORD_FILE"] = str(credentials.redis_password_file(topology.secrets, "shop"))
        ours["SHOP_INVENTORY_URL"] = f"http://{topology.at(topology.inventory_port(program))}"
    theirs = {name: value for name, value in settings.service_settings.items() if name.startswith(f"{prefix}_")}
    return ours | theirs


def _launch(program: Program, settings: StackSettings, topology: Topology, tools: Tools) -> Launch:
    if program.role in ("shop", "inventory", "pager"):
        return _gunicorn(program, settings, topology)
    if program.role in ("postgres-exporter", "redis-exporter"):
        return _exporter(program, topology, tools)
    if program.role == "grafana":
        return Launch(program.name, grafana.argv(tools), grafana.environment(program, settings, topology))
    argv, stop_signal = _third_party(program, settings, topology, tools)
    # Toxiproxy otherwise logs every connection, and Jaeger traces itself and tries for seconds to send that somewhere.
    own = {"toxiproxy": {"LOG_LEVEL": "error"}, "jaeger": {"OTEL_TRACES_SAMPLER": "always_off"}}
    env = own.get(program.role, {})
    return Launch(program.name, argv, env, stop_signal)


def _exporter(program: Program, topology: Topology, tools: Tools) -> Launch:
    path = str(tools.path(f"prometheus-{program.role}"))
    address = f"--web.listen-address={topology.listen}:{program.port}"
    if program.role == "redis-exporter":
        # No node of its own: Prometheus says with each question which one is meant. A node that hangs must not hold
        # up a scrape beyond its time-out.
        argv: tuple[str, ...] = (path, address, "--redis.addr=", "--connection-timeout=500ms")
        if topology.redis_passwords:
            passwords = f"--redis.password-file={credentials.redis_passwords(topology.secrets)}"
            argv = (*argv, f"--redis.user={credentials.EXPORTER}", passwords)
        return Launch(program.name, argv)
    where = topology.at(topology.one("postgres").port)
    told = {
        "DATA_SOURCE_URI": f"{where}/{DATABASE}?sslmode=disable&application_name={program.name}",
        "DATA_SOURCE_USER": credentials.EXPORTER,
        # Read once, when it starts.
        "DATA_SOURCE_PASS_FILE": str(credentials.password_file(topology.secrets, credentials.EXPORTER)),
    }
    return Launch(program.name, (path, address, "--log.level=warn"), told)


def _gunicorn(program: Program, settings: StackSettings, topology: Topology) -> Launch:
    argv = (
        str(Path(sys.executable).with_name("gunicorn")),
        "--config", "python:services.kit.lifecycle.gunicorn_conf",  # found by its name wherever the code lies
        "--worker-class", "asgi",
        "--workers", "1" if program.role == "pager" else str(settings.workers),
        "--bind", f"{topology.listen}:{program.port}",
        "--no-control-socket",
        f"services.{program.role}.main:create_app()",
    )  # fmt: skip
    return Launch(program.name, argv, service_environment(program, settings, topology))


def _third_party(
    program: Program, settings: StackSettings, topology: Topology, tools: Tools
) -> tuple[tuple[str, ...], str]:
    config = settings.state / "config"
    match program.role:
        case "postgres":
            data = settings.state / "data" / program.name
            # INT is Postgres's fast shutdown; TERM would wait for every client to leave.
            return as_postgres_user((str(tools.path("postgres")), "-D", str(data))), "INT"
        case "redis":
            return (str(tools.path("redis-server")), str(config / f"{program.name}.conf")), "TERM"
        case "toxiproxy":
            toxiproxy = (str(tools.path("toxiproxy-server")), "-port", str(program.port))
            api = ("-host", topology.listen_for_administrators(program))
            return (*toxiproxy, *api, "-config", str(config / "toxiproxy.json")), "TERM"
        case "jaeger":
            return (str(tools.path("jaeger")), f"--config=file:{config / 'jaeger.yaml'}"), "TERM"
        case "haproxy":
            # USR1 would wait for connections to end; TERM stops at once.
            return (str(tools.path("haproxy")), "-db", "-f", str(config / "haproxy.cfg")), "TERM"
        case "edge":
            return (str(tools.path("haproxy")), "-db", "-f", str(config / f"{program.name}.cfg")), "TERM"
        case "watchdog":
            watchdog = (sys.executable, "-m", "chaos.undo.watchdog", "--port", str(program.port))
            return (*watchdog, "--target", str(settings.state / "target.yaml")), "TERM"
    return _alerting(program, settings, topology, tools), "TERM"


def _alerting(program: Program, settings: StackSettings, topology: Topology, tools: Tools) -> tuple[str, ...]:
    config, data = settings.state / "config", settings.state / "data" / program.name
    # Alertmanager is on no other network.
    listen = topology.listen_for_administrators(program) if program.role == "prometheus" else topology.listen
    common = (f"--web.listen-address={listen}:{program.port}", "--log.level=warn")
    match program.role:
        case "prometheus":
            return (
                str(tools.path("prometheus")),
                f"--config.file={config / 'prometheus.yml'}",
                f"--storage.tsdb.path={data}",
                "--web.enable-lifecycle",
                # Prometheus 3 warns that the second becomes a setting in its file, which 2.42 does not know there.
                "--enable-feature=exemplar-storage,extra-scrape-metrics",
                *common,
                *timing.at(settings.pace).prometheus_flags,
            )
        case "alertmanager":
            return (
                str(tools.path("prometheus-alertmanager")),
                f"--config.file={config / 'drill' / 'alertmanager.yml'}",
                f"--storage.path={data}",
                *common,
                *timing.ALERTMANAGER_FLAGS,
            )
    raise AssertionError(f"no command for role {program.role}")
