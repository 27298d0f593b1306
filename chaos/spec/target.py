"""The target file: where a stack's endpoints are and how its processes are controlled.

This is all that the attacker knows of a stack; it never sees the stack's code.
"""

import os
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from chaos.spec import door, yamlfile
from chaos.spec.abort import AbortConditions
from chaos.spec.control import Docker, Shell, Supervisor, Systemd
from chaos.spec.door import Address
from chaos.spec.load import LoadSettings
from chaos.spec.pace import FASTEST
from chaos.spec.values import Duration


class Urls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base URLs of the stack's parts."""

    users: str
    """Where users come in; the load goes here."""
    prometheus: Address = ""
    """Empty: no PromQL checks and no alerts. Of several replicas any that answers is asked."""
    alertmanager: Address = ""
    """Of several that are one cluster any that answers is asked."""
    pager: Address = ""
    """Answers `GET /deliveries?after=N` with every delivery it was sent, accepted or refused: services.pager."""
    watchdog: str = ""
    """Where the stack's own watchdog shows live faults; empty: there is none, and each run starts one for itself."""
    toxiproxy: str = ""
    jaeger: Address = ""
    jaeger_ui: str = ""
    """Where a browser finds Jaeger's pages, if not at `jaeger`; reports link to traces only if they answer."""
    grafana: str = ""

    def __post_init__(self) -> None:
        for name in DOORS:
            try:
                door.doors(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        for name in _PLAIN:
            if door.user_info(getattr(self, name)):
                # It would be handed on to other programs, and everybody sees what those are started with.
                raise ValueError(f"{name}: takes no user and password")


DOORS = ("prometheus", "alertmanager", "pager", "jaeger")
"""Of those in `Urls` which take more than a URL."""
_PLAIN = ("users", "watchdog", "toxiproxy", "jaeger_ui", "grafana")


class ShopLoad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="shop"):
    """The shop's users, with ledgers of orders and sessions that are read back."""

    def settings(self) -> LoadSettings:
        """How much load, and how patient its users are."""
        return LoadSettings()


class _ForeignLoad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    rate: float = 50.0
    """Requests a second, however slow the system is."""
    timeout: Duration = msgspec.field(default_factory=lambda: Duration(seconds=2))
    """After which a user gives up."""

    def settings(self) -> LoadSettings:
        """How much load, and how patient its users are."""
        return LoadSettings(
            rate_per_second=self.rate,
            pacing=self.timeout * 1.25,
            timeout=self.timeout,
            drain=self.timeout * 1.25,
        )

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError("rate: must be above zero")


class PathsLoad(_ForeignLoad, frozen=True, tag="paths", kw_only=True):
    """GET requests of some paths; whatever is not a complete 2xx in time has failed."""

    paths: list[str] | dict[str, int]
    """Alike, or each with its weight."""

    @property
    def weights(self) -> dict[str, int]:
        """Each path with its weight."""
        return self.paths if isinstance(self.paths, dict) else dict.fromkeys(self.paths, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = self.weights
        if not weights or min(weights.values()) < 1 or not all(path.startswith("/") for path in weights):
            raise ValueError("paths: at least one is needed, each with a leading / and a weight of 1 or more")


class CommandLoad(_ForeignLoad, frozen=True, tag="command", kw_only=True):
    """A program of the stack's own, which writes `load.ndjson` as our users do."""

    command: list[str]


AnyLoad: TypeAlias = ShopLoad | PathsLoad | CommandLoad


class Instance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One process group that faults may aim at."""

    role: str
    ready: str = ""
    """URL that answers 200 when it can serve; empty where a running process has to do."""
    gives: list[str] = []
    """What the label `instance` of its series says, where that is not its name: of an exporter, whom it is about."""
    serves_users: bool = False
    """Whether the answer's X-Served-By names it, so that its share of users' requests can be counted."""


MESSAGES = frozenset(
    ("pagerduty", "slack", "opsgenie", "msteams", "msteamsv2", "telegram", "discord", "email", "webhook")
)
"""What the pager takes for people, as Alertmanager names them; the last is a webhook beside the one that proves."""


class Alerting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How pages are recognised."""

    receiver: str
    """The Alertmanager receiver at which a page counts as delivered."""
    heartbeat_receiver: str = ""
    """The receiver of an always-firing alert, which proves that the way to the pager works; empty: there is none."""
    receivers: list[str] = []
    """Every further receiver that leads to the pager: what is routed there has to arrive there."""
    only: dict[str, str] = {}
    """Labels of the alerts that are this stack's; others that fire are listed as not ours, unless an experiment names
    them. Empty: all are, so that any that fires unasked is a surprise."""
    messages: dict[str, list[str]] = {}
    """What these receivers send to the pager beside a webhook, such as `oncall: [pagerduty, email]`: each page has to
    come by each. Drill time prints it."""
    stands_for: list[str] = []
    """Receivers that page people for real, where `receiver` is told beside them: theirs is proven by Alertmanager's own
    counters of notifications."""

    @property
    def all_receivers(self) -> tuple[str, ...]:
        """Each that leads to the pager, once."""
        return tuple(dict.fromkeys(name for name in (self.receiver, self.heartbeat_receiver, *self.receivers) if name))

    def __post_init__(self) -> None:
        if strangers := self.messages.keys() - set(self.all_receivers):
            raise ValueError(
                f"messages: {', '.join(sorted(strangers))}: not among the receivers that lead to the pager"
            )
        if unknown := {kind for kinds in self.messages.values() for kind in kinds} - MESSAGES:
            raise ValueError(f"messages: {', '.join(sorted(unknown))}: the pager takes {', '.join(sorted(MESSAGES))}")
        if both := set(self.stands_for) & set(self.all_receivers):
            raise ValueError(f"stands_for: {', '.join(sorted(both))}: leads to the pager itself")


class Dashboards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the stack's Grafana dashboards are."""

    folder: str
    """Holds one classic JSON file a dashboard."""
    scrape_interval: Duration
    """How often Prometheus scrapes what they show."""


class BuiltBeside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part that the stack does without and that may be being built: files that tools/background.py locks."""

    what: str
    """What it is, in words."""
    building: str
    """Locked while it is being built."""
    halt: str
    """Locked, shared, by a run that wants nothing built beside it."""
    going: str
    """Locked unless the build stands still."""


class Redis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Redis Cluster, as faults reach it directly."""

    nodes: dict[str, str]
    """Instance → `host:port` of the node itself; with a password `redis://user@host:port?password_file=/a/file`."""
    cache_prefix: str
    """What the keys of cached entries begin with, and no others: they may be deleted, as the source has them."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stack as the attacker sees it."""

    version: int
    name: str
    state: str
    """Folder for the lease and the undo records; it must outlive the runner."""
    runs: str
    """Folder for recordings."""
    urls: Urls
    control: Supervisor | Docker | Shell | Systemd
    instances: dict[str, Instance]
    alerting: Alerting | None = None
    """None: alerts are not judged."""
    working_directory: str = "."
    """Where its commands are run."""
    pace: int | None = None
    """How fast time runs for its rules, scrapes and groups, of a stack of ours; None: in real time, and Prometheus says
    how far apart its rules and scrapes are."""
    load: AnyLoad = msgspec.field(default_factory=ShopLoad)
    abort_if: AbortConditions = None
    """When a run is ended before its time, unless the experiment says. None: of a stack that is not ours, when more
    than half of the users' requests, and more than twice as many as the experiment expects, fail for 30 s."""
    rules: str = ""
    """Folder of the Prometheus rule files whose alerts experiments may name; empty: ours."""
    haproxy: str = ""
    """Path of HAProxy's admin socket; empty where there is none."""
    connections: int = 0
    """How many users' connections at once there is room for at the load balancer; 0: not said."""
    links: dict[str, list[str]] = {}
    """Each way from one part of the stack to another, by its name: the Toxiproxy proxies that it goes through. A
    dependency as a whole (`postgres`), one role's way to it (`postgres/shop`) and one caller's own (`postgres/shop-2`)
    are each a link."""
    postgres: str = ""
    """Connection string straight to Postgres, for faults of it; empty where there is none."""
    timing: str = ""
    """The drill-time manifest: what each rule's durations are in production; empty where rules are not scaled."""
    clean_history: list[str] = []
    """Command that gives Prometheus a past without outages; empty where there is none."""
    dashboards: Dashboards | None = None
    """Dashboards whose panels a fault must move; None where there are none."""
    redis: Redis | None = None
    """The Redis Cluster that faults may aim at; None where there is none."""
    settings: dict[str, str] = {}
    """What the system was told beyond its defaults, its switches above all; each run records it."""
    built_beside: BuiltBeside | None = None
    """The trace store, where the stack came up without one; None where it has one, or nothing is built for it."""

    @property
    def redis_nodes(self) -> dict[str, str]:
        """The nodes of `redis`; none where there is no Redis."""
        return self.redis.nodes if self.redis else {}

    def __post_init__(self) -> None:
        if self.alerting is not None and not (self.urls.prometheus and self.urls.alertmanager and self.urls.pager):
            raise ValueError("alerting: needs the URLs of prometheus, alertmanager and pager")
        if self.pace is not None and not 1 <= self.pace <= FASTEST:
            raise ValueError(f"pace: must be a whole number from 1 to {FASTEST}")
        named = self.control.instances if isinstance(self.control, Shell | Systemd) else self.instances
        if missing := self.instances.keys() - named.keys():
            what = "commands" if isinstance(self.control, Shell) else "unit"
            raise ValueError(f"control.instances: no {what} for {', '.join(sorted(missing))}")

    @property
    def has_ledgers(self) -> bool:
        """Whether its users keep ledgers of orders and sessions."""
        return isinstance(self.load, ShopLoad)

    @property
    def state_folder(self) -> Path:
        """`state` as a path."""
        return Path(self.state)

    @property
    def runs_folder(self) -> Path:
        """`runs` as a path."""
        return Path(self.runs)


def read(file: Path) -> Target:
    """Read a target file; paths in it count from its folder, `$NAME` is not expanded. Raises InvalidFile."""
    target = yamlfile.read(file, Target)
    folder = file.resolve().parent
    places = {name: getattr(target, name) for name in ("state", "runs", "working_directory", "rules")}
    absolute: dict[str, Any] = {name: os.path.normpath(folder / place) for name, place in places.items() if place}
    if isinstance(target.control, Systemd) and target.control.ssh_config:
        config = os.path.normpath(folder / target.control.ssh_config)
        absolute["control"] = msgspec.structs.replace(target.control, ssh_config=config)
    urls = {name: door.placed(getattr(target.urls, name), folder) for name in DOORS}
    return msgspec.structs.replace(target, urls=msgspec.structs.replace(target.urls, **urls), **absolute)
