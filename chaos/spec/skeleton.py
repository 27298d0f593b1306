"""The files that a team begins with: a commented target, and a draft of an experiment for whatever it can see. Pure."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chaos.spec import values
from chaos.spec.door import Address, Basic, Door, Kept, doors

_MARGIN_SECONDS = 60.0
_SHORTEST_HOLD_SECONDS = 300.0
_RECOVERS = "1m"


@dataclass(frozen=True, slots=True)
class Seen:
    """One process group, as Prometheus scrapes it."""

    name: str
    job: str
    gives: str
    """What the label `instance` of its series says."""


@dataclass(frozen=True, slots=True)
class Speaks:
    """One alert that tells of an instance or a link."""

    name: str
    labels: Mapping[str, str]
    """As its rule writes them, without templates."""
    must: bool
    """Whether it tells of each instance's death by itself: else it only may fire."""
    fires_seconds: float
    resolves_seconds: float


@dataclass(frozen=True, slots=True)
class Servers:
    """Where things are."""

    prometheus: Address
    alertmanager: Address
    users: str
    pager: str
    receiver: str
    toxiproxy: str = ""


def named(job: str, instance: str) -> str:
    """A name for what Prometheus scrapes: its own where that can be one, else its job and address."""
    if re.fullmatch(r"[a-z][a-z0-9_-]*", instance):
        return instance
    return re.sub(r"[^a-z0-9]+", "-", f"{job}-{instance}".lower()).strip("-") or "instance"


def target(name: str, servers: Servers, instances: Sequence[Seen], links: Iterable[str]) -> str:
    """The target file."""
    return "\n".join([*_head(name, servers), *_control(instances), *_aims(instances, list(links))]) + "\n"


def _head(name: str, servers: Servers) -> list[str]:
    toxiproxy = [f"  toxiproxy: {_quoted(servers.toxiproxy)}"] if servers.toxiproxy else []
    return [
        "# Written by `stormdrill adopt`: what it could see. Go through it from top to bottom; what is marked TODO it",
        "# could not know, and until you say how processes are controlled no run breaks anything.",
        "# Every key: `stormdrill schema target`, and docs/own-stack.md.",
        "version: 1",
        f"name: {_quoted(name)}",
        f"state: /var/tmp/stormdrill-{named('target', name)} # must outlive the runner",
        "runs: runs # recordings and reports",
        "# production: true # then a run needs --yes, and its experiment an abort_if",
        "urls:",
        f"  users: {_quoted(servers.users)} # TODO where your users come in; the load goes here",
        f"  prometheus: {_address(servers.prometheus)}",
        f"  alertmanager: {_address(servers.alertmanager)}",
        f"  pager: {_quoted(servers.pager)} # TODO where Stormdrill's pager is: your receivers have to send there too",
        *toxiproxy,
        "alerting:",
        f"  receiver: {_quoted(servers.receiver)} # a page counts as delivered at this receiver",
        "  # only: { team: shop } # labels of the alerts that are yours; others that fire are then listed as not ours",
        "load: # TODO what your users do; `type: command` runs a program of your own",
        "  type: paths",
        "  paths: [/]",
        "  rate: 4",
    ]


def _control(instances: Sequence[Seen]) -> list[str]:
    unknown = _quoted("echo 'TODO: how its state is looked at' >&2; exit 2")
    todo = _quoted("echo 'TODO' >&2; exit 1")
    lines = [
        "control:",
        "  type: shell",
        "  instances: # TODO how each is looked at, ended and started; until then `state` says that nobody knows",
    ]
    for one in instances:
        lines.append(f"    {_quoted(one.name)}:")
        lines.append(f"      state: {unknown} # prints running, paused or anything else, e.g. systemctl is-active")
        lines += [f"      {what}: {todo}" for what in ("kill", "start", "pause", "resume")]
    return lines if instances else ["control: { type: shell, instances: {} }"]


def _aims(instances: Sequence[Seen], links: Sequence[str]) -> list[str]:
    lines = ["instances: # what faults may aim at: take out what must not be broken"]
    for one in instances:
        gives = "" if one.gives == one.name else f", gives: [{_quoted(one.gives)}]"
        lines.append(f"  {_quoted(one.name)}: {{ role: {_quoted(one.job)}{gives} }}")
    ways = [f"  {_quoted(link)}: [{_quoted(link)}]" for link in links]
    heading = ["links: # ways through Toxiproxy: link: [its proxies]"] if ways else []
    return [*(lines if instances else ["instances: {}"]), *heading, *ways]


def experiments(
    instances: Iterable[Seen], links: Iterable[str], speak: Mapping[str, Sequence[Speaks]]
) -> dict[str, str]:
    """The drafts, by their ids; `speak`: the alerts that name an instance or a link."""
    found = {}
    for one in instances:
        told = speak.get(one.name, ())
        aim = f"instance: {_quoted(one.name)}"
        found[f"kill-{one.name}"] = _draft(f"{one.name} dies", f"type: process.kill, {aim}", told, one.gives)
        found[f"pause-{one.name}"] = _draft(f"{one.name} hangs", f"type: process.pause, {aim}", told, one.gives)
    for link in links:
        fault = f"type: network.latency, link: {_quoted(link)}, latency: 200ms"
        told = speak.get(link, ())
        found[f"latency-{named('link', link)}"] = _draft(f"The way to {link} is slow", fault, told, None)
    return found


def _draft(title: str, fault: str, told: Sequence[Speaks], instance: str | None) -> str:
    must = [one for one in told if one.must and instance is not None]
    held = max([_SHORTEST_HOLD_SECONDS, *(one.fires_seconds + _MARGIN_SECONDS for one in must)])
    listed = {one.name for one in must}
    may = sorted({one.name for one in told} - listed)
    lines = [
        "# A draft of `stormdrill adopt`: which of these alerts must fire, and what users may notice, you know.",
        f"title: {_quoted(title)}",
        'claim: "TODO: what your users get while it lasts."',
        f"fault: {{ {fault}, for: {_minutes(held)} }}",
        "steady_state:",
        "  - name: share of failed requests",
        "    query: load:failed:ratio",
        '    before: "== 0"',
        '    during: "< 0.05"',
        '    after: "== 0"',
    ]
    if must:
        lines.append("alerts: # each must fire, arrive and resolve")
    for one in must:
        labels = {**one.labels, "instance": instance or ""}
        written = ", ".join(f"{_quoted(name)}: {_quoted(value)}" for name, value in sorted(labels.items()))
        within = f"fires_within: {_minutes(one.fires_seconds + _MARGIN_SECONDS)}"
        resolves = f"resolves_within: {_minutes(one.resolves_seconds + _MARGIN_SECONDS)}"
        lines.append(f"  - {{ name: {_quoted(one.name)}, {within}, {resolves}, labels: {{ {written} }} }}")
    if may:
        lines.append(f"may_fire: [{', '.join(_quoted(one) for one in may)}] # any other that fires is a surprise")
    lines.append(f"recover_within: {_RECOVERS}")
    return "\n".join(lines) + "\n"


def _address(address: Address) -> str:
    """One line of YAML; a password that stood in a URL does not go into a file."""
    written = [_door(door) for door in doors(address)]
    return json.dumps(written[0] if len(written) == 1 else written, ensure_ascii=False)


def _door(door: Door) -> Any:
    if pair := door.user_info:
        kept = Basic(pair[0], Kept(env="STORMDRILL_PASSWORD"))
        door = msgspec.structs.replace(door, url=door.plain, basic=kept)
    given = msgspec.to_builtins(door, enc_hook=values.encode)
    return door.url if door == Door(door.url) else _filled(given)


def _filled(given: Any) -> Any:
    if isinstance(given, dict):
        return {name: _filled(value) for name, value in given.items() if value not in (None, "", {}, [])}
    return given


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)}m"


def _quoted(text: str) -> str:
    """A text as YAML takes it for one, whatever it says: JSON is YAML."""
    return (
        text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", text) and not _NO_TEXT.fullmatch(text) else json.dumps(text)
    )


_NO_TEXT = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|[.]nan|[.]inf|~")
