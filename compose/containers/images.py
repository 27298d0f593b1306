"""How the container image of each role is used; which official image it is, compose.yaml says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compose.tools import Tools


@dataclass(frozen=True, slots=True)
class Image:
    """One image, and how its program is started."""

    entrypoint: tuple[str, ...] | None = None
    """What takes the arguments; None: the image's own entry point, which is the program."""
    healthcheck: tuple[str, ...] | None = None
    """A command of the image that tells whether its program is well; `{port}` is its main port. None: it has none."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Named volumes: name → folder in the container."""
    reference: str = ""
    """Of what is built here, or with a digest of its own; empty: the official image, as compose.yaml names it."""


_WGET = ("wget", "-q", "-O", "-", "http://127.0.0.1:{port}/-/healthy")
_WGET_FOR_ADMINISTRATORS = (*_WGET[:-1], "http://prometheus-admin:{port}/-/healthy")
# By the shell itself: Python takes a tenth of a second to start, for each instance, again and again.
_READY = (
    "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3; "
    'read -r _ status _ <&3; [ "$status" = 200 ]'
)
SERVICES = "stormdrill/services"
"""The one image of our own, for shop, inventory and pager; its tag is made of what is in it."""
CROWD = "stormdrill/crowd"
"""Locust and users without a ledger, for load from all machines of a Swarm; its tag is made of what is in it."""
TOXIPROXY = "stormdrill/toxiproxy"
"""The program that `make setup` builds: its release is on no registry whose images go by a plain name."""


def images(services: str, toxiproxy: str) -> dict[str, Image]:
    """Role → image, with the references of the two that are built here."""
    ours = Image(("gunicorn",), ("bash", "-c", _READY), reference=services)
    # It announces Toxiproxy's address to its clients and to the other nodes, and that must be a number, of the kind
    # that every network has. Without the image's entry point: since Redis 8 that has it load modules, which take memory
    # of their own.
    redis_server = (
        "until address=$(getent ahostsv4 toxiproxy); do sleep 0.1; done; "
        'exec redis-server "$0" --cluster-announce-ip "${address%% *}"'
    )
    return {
        "shop": ours,
        "inventory": ours,
        "pager": ours,
        "haproxy": Image(("haproxy",)),
        "redis": Image(("sh", "-c", redis_server), ("redis-cli", "-p", "{port}", "ping")),
        "postgres": Image(
            healthcheck=("pg_isready", "-h", "127.0.0.1", "-p", "{port}"),
            volumes={"postgres": "/var/lib/postgresql/data"},
        ),
        "toxiproxy": Image(reference=toxiproxy),
        "prometheus": Image(healthcheck=_WGET_FOR_ADMINISTRATORS),
        "alertmanager": Image(healthcheck=_WGET),
        "jaeger": Image(),
        "grafana": Image(),
        "postgres-exporter": Image(),
        "redis-exporter": Image(),
    }


NAMES = Tools(
    {
        name: Path(name)
        for name in (
            "haproxy",
            "postgres",
            "redis-server",
            "prometheus",
            "prometheus-alertmanager",
            "prometheus-postgres-exporter",
            "prometheus-redis-exporter",
            "toxiproxy-server",
            "jaeger",
            "grafana",
        )
    }
)
"""The programs' names where paths stand natively; the images know their own paths."""
