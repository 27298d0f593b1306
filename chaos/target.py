"""The target file: where a stack's endpoints are and how its processes are controlled.

This is all that the attacker knows of a stack; it never sees the stack's code.
"""

import os
from pathlib import Path

import msgspec

from chaos import yamlfile
from chaos.control import ProcessControl, SupervisorControl
from chaos.values import Duration


class Urls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base URLs of the stack's parts."""

    users: str
    """Where users come in; the load goes here."""
    prometheus: str
    alertmanager: str
    pager: str
    """Answers `GET /deliveries?after=N` with every delivery it was sent, accepted or refused."""
    watchdog: str
    toxiproxy: str = ""
    jaeger: str = ""
    grafana: str = ""


class Supervisor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="supervisor"):
    """Processes run below a supervisord."""

    socket: str
    """Path of its Unix socket."""


class Instance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One process group that faults may aim at."""

    role: str
    ready: str = ""
    """URL that answers 200 when it can serve; empty where a running process has to do."""
    serves_users: bool = False
    """Whether the answer's X-Served-By names it, so that its share of users' requests can be counted."""


class Alerting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How pages are recognised."""

    receiver: str
    """The Alertmanager receiver at which a page counts as delivered."""
    heartbeat_receiver: str = ""
    """The receiver of an always-firing alert, which proves that the way to the pager works; empty: there is none."""


class Dashboards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the stack's Grafana dashboards are."""

    folder: str
    """Holds one classic JSON file a dashboard."""
    scrape_interval: Duration
    """How often Prometheus scrapes what they show."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stack as the attacker sees it."""

    version: int
    name: str
    state: str
    """Folder for the lease and the undo records; it must outlive the runner."""
    runs: str
    """Folder for recordings."""
    urls: Urls
    control: Supervisor
    instances: dict[str, Instance]
    alerting: Alerting
    working_directory: str
    timing: str = ""
    """The drill-time manifest: what each rule's durations are in production; empty where rules are not scaled."""
    clean_history: list[str] = []
    """Command that gives Prometheus a past without outages; empty where there is none."""
    dashboards: Dashboards | None = None
    """Dashboards whose panels a fault must move; None where there are none."""

    @property
    def state_folder(self) -> Path:
        """`state` as a path."""
        return Path(self.state)

    @property
    def runs_folder(self) -> Path:
        """`runs` as a path."""
        return Path(self.runs)


def read(file: Path) -> Target:
    """Read a target file; `$NAME` in it is not expanded. Raises InvalidFile."""
    return yamlfile.read(file, Target)


def control(target: Target) -> ProcessControl:
    """The process control that the target names."""
    return SupervisorControl(Path(os.fspath(target.control.socket)))
