"""Where a stack lives and which ports it takes: the settings that move or vary a whole stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from compose.limits import CONTAINER, Limits, of_this_machine
from compose.pace.timing import FASTEST

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT_BASE = 18000
MOST_WORKERS = 8
SHOPS = 3
"""Instances of the shop where nobody says how many."""
MOST_SHOPS = 8
MOST_CONNECTIONS = 2_000_000
RUNTIMES = ("native", "compose", "swarm")
PASSED_THROUGH = ("SHOP_", "INVENTORY_", "PAGER_")


class InvalidSettings(ValueError):
    """A setting of the environment has a value that cannot be used; the message names the setting."""


@dataclass(frozen=True, slots=True)
class BalancerSettings:
    """The load balancer's mechanisms, each `SHOP_<FIELD>=on|off`; they hold for shop and inventory alike."""

    health_checks: bool = True
    """Ask every instance's /readyz and send no requests where it does not say 200."""
    outlier_detection: bool = True
    """Take an instance out that fails request after request while its /readyz says 200; needs health_checks."""
    lb_retries: bool = True
    """Send an idempotent request that got no answer to another instance."""
    queue_limits: bool = True
    """So many requests at an instance, so many in the queue for so long; the rest gets 503 at once."""
    rate_limit: bool = True
    """One address may ask for so much, and begin so many sessions; beyond that it gets 429."""
    slow_start: bool = True
    """An instance that returns gets its share of requests bit by bit."""
    http_cache: bool = True
    """Answer from memory what an instance said may be shared."""
    drain: bool = True
    """Instances serve on after SIGTERM until HAProxy has noticed; read by the services themselves."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the switches; raises InvalidSettings naming one that is neither on nor off."""
        names = {each.name: f"SHOP_{each.name.upper()}" for each in fields(cls)}
        return cls(**{name: _switch(environment, variable) for name, variable in names.items()})


@dataclass(frozen=True, slots=True)
class StackSettings:
    """One stack's settings; two stacks with different `port_base` and `state` run side by side."""

    port_base: int
    """First port of the stack's range; the topology adds fixed offsets to it."""
    state: Path
    """The one folder that holds all a running stack writes; `down` removes it."""
    runs: Path
    """Where recordings are kept; survives `down`."""
    workers: int
    """Gunicorn workers per service instance."""
    service_settings: dict[str, str] = field(default_factory=dict)
    """Environment variables handed to the services as they are (`SHOP_…`, `INVENTORY_…`, `PAGER_…`)."""
    balancer: BalancerSettings = field(default_factory=BalancerSettings)
    runtime: str = ""
    """`native`: processes of this machine; `compose`: containers of Docker Compose; `swarm`: those, and services of
    a Docker Swarm; empty: as the stack that is up, or else native."""
    shops: int = SHOPS
    """Instances of the shop; another number than SHOPS only as processes of this machine."""
    proxies: tuple[str, ...] = ()
    """The networks of proxies before ours, which are believed in whom they forward; empty: our own load's addresses."""
    certificate: Path | None = None
    """A file with a certificate and its key (PEM), by which users may come in by HTTPS as well; None: they may not."""
    pace: int = FASTEST
    """How fast time runs for its rules, scrapes and groups: 60 makes minutes seconds, 1 is production's."""
    connections: int = 0
    """How many users' connections at once it is made for; 0: as many as one HAProxy has room for, 10,000 at most."""
    limits: Limits = CONTAINER
    """Of this machine's processes."""

    @property
    def project(self) -> str:
        """The name of its project of Docker Compose, and of its stack on a Swarm."""
        return f"stormdrill-{os.getuid()}-{self.port_base}"

    def fingerprint(self) -> str:
        """What must be equal for a running stack to count as the one that is asked for."""
        # Of before there was a pace, or another number of shops, so that a stack of then is not taken for another.
        paced = () if self.pace == FASTEST else (self.pace,)
        scaled = () if self.shops == SHOPS else ((self.shops, "shops"),)
        held = (f"{self.connections} connections",) if self.connections else ()
        edge = (*self.proxies, *(str(each) for each in (self.certificate,) if each))
        services = sorted(self.service_settings.items())
        return repr((self.port_base, self.workers, services, *paced, *scaled, *held, *edge))


def from_environment(environment: dict[str, str] | None = None) -> StackSettings:
    """Read `STORMDRILL_PORT_BASE`, `…_STATE`, `…_RUNS`, `…_WORKERS`, `…_SHOPS`, `…_PACE`, `…_CONNECTIONS`, `…_PROXIES`,
    `…_TLS_CERTIFICATE`, `RUNTIME`, `SHOP_…`.

    Raises InvalidSettings where one has a value that cannot be used.
    """
    env = dict(os.environ) if environment is None else environment
    base = _integer(env, "STORMDRILL_PORT_BASE", DEFAULT_PORT_BASE, 1024, 65000)
    # Below /var/tmp rather than home: Postgres runs as an unprivileged user when root starts the stack,
    # and cannot reach below root's home.
    state = Path(env.get("STORMDRILL_STATE") or f"/var/tmp/stormdrill-{os.getuid()}-{base}").absolute()  # noqa: S108  # checked for its owner before use
    if len(str(state)) > 76:
        raise InvalidSettings(f"STORMDRILL_STATE: {state}: longer than 76 characters; Unix sockets in it would not fit")
    return StackSettings(
        port_base=base,
        state=state,
        runs=Path(env.get("STORMDRILL_RUNS") or ROOT / "runs").absolute(),
        workers=_integer(env, "STORMDRILL_WORKERS", 1, 1, MOST_WORKERS),
        shops=_integer(env, "STORMDRILL_SHOPS", SHOPS, 1, MOST_SHOPS),
        service_settings={name: value for name, value in env.items() if name.startswith(PASSED_THROUGH)},
        balancer=BalancerSettings.read(env),
        runtime=_one_of(env, "RUNTIME", RUNTIMES),
        proxies=_networks(env, "STORMDRILL_PROXIES"),
        certificate=_certificate(env, "STORMDRILL_TLS_CERTIFICATE"),
        pace=_integer(env, "STORMDRILL_PACE", FASTEST, 1, FASTEST),
        connections=_integer(env, "STORMDRILL_CONNECTIONS", 0, 0, MOST_CONNECTIONS),
        limits=of_this_machine(),
    )


def _integer(env: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise InvalidSettings(f"{name}: {text!r}: must be a whole number from {low} to {high}")
    return int(text)


def _one_of(env: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    text = env.get(name, "")
    if text not in ("", *words):
        raise InvalidSettings(f"{name}: {text!r}: must be {' or '.join(words)}")
    return text


def _networks(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each.strip())) for each in env.get(name, "").split(",") if each.strip())
    except ValueError as error:
        raise InvalidSettings(f"{name}: {error}: must be networks such as 192.0.2.0/24, with commas between") from None


def _certificate(env: Mapping[str, str], name: str) -> Path | None:
    if not env.get(name):
        return None
    path = Path(env[name]).absolute()
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{name}: {path}: cannot be read: {error}") from None
    missing = [part for part in ("CERTIFICATE-----", "PRIVATE KEY-----") if part not in text]
    if missing:
        raise InvalidSettings(f"{name}: {path}: has no {missing[0].strip('-').lower()}; wanted are both, as PEM")
    return path


def _switch(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "on")
    if text not in ("on", "off"):
        raise InvalidSettings(f"{name}: {text!r}: must be on or off")
    return text == "on"
