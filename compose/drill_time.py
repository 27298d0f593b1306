"""Drill time: the alert rules and routing of production with every duration divided, so that minutes become seconds.

`python -m compose.drill_time --rules alerts --alertmanager alerts/alertmanager.yml --pager-url URL --out DIR` writes
DIR/rules/*.yml, DIR/alertmanager.yml and DIR/manifest.json. Of rules nothing but durations changes, and for a stack
the address of its dashboards; a rule that would mean something else is left out. Of receivers the addresses change, and
what is production's alone. All of that is printed. `--pace` says what durations are divided by, 60 if it is not given.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import yaml

from compose.pace.manifest import AlertTiming, Manifest, alert_timings
from compose.pace.receivers import Pager
from compose.pace.routing import receiver_urls, scale_routing
from compose.pace.rule_files import SUFFIXES, Loader, PassedOver, RuleDocument, copy_name, documents, dump
from compose.pace.rules import LeftOut, Rule, left_out, rules_of, scale
from compose.pace.timing import (
    ALERTMANAGER_FLAGS,
    DRILL,
    FASTEST,
    DrillTimeError,
    Durations,
    TimingProfile,
    at,
)

__all__ = [
    "ALERTMANAGER_FLAGS",
    "DRILL",
    "AlertTiming",
    "DrillTimeError",
    "Manifest",
    "TimingProfile",
    "generate",
]

# The drill's file → what it holds in production.
_Found = dict[str, RuleDocument]


def generate(
    rules_dir: Path,
    alertmanager_file: Path,
    pager: str | Pager,
    out_dir: Path,
    profile: TimingProfile = DRILL,
    dashboards: str | None = None,
) -> Manifest:
    """Write the drill's rules, routing and manifest below `out_dir`, replacing what an earlier call wrote there.

    `rules_dir` is a folder with all that is in it, or one file. `pager` is where the pager is, or its URL alone.
    `dashboards` is where Grafana is; empty: there is none, and the alerts lead to no dashboard; None: as the production
    rules say.
    Raises DrillTimeError, before anything is written, where no rule is left or the routing is none.
    """
    found, passed_over = _read_rules(rules_dir)
    rules = rules_of(found.values())
    out = left_out(rules, profile)
    kept = _kept(rules_dir, rules, out, passed_over)
    changed = Durations(profile)
    drill_files = _scaled(found, out, changed, dashboards)
    production = _load(alertmanager_file)
    to = pager if isinstance(pager, Pager) else Pager(pager)
    routing = scale_routing(production, to, changed, alertmanager_file.name, alertmanager_file.parent)
    manifest = Manifest(
        scale=profile.scale,
        production=profile.production,
        drill=profile.drill,
        alerts=alert_timings(kept, rules_of(drill_files.values()), production, routing.document),
        receivers=receiver_urls(routing.document),
        messages=routing.messages,
        replaced=routing.replaced,
        left_out=tuple(out.values()),
        passed_over=tuple(passed_over),
        durations=tuple(changed.changes),
        clamped=tuple(change for change in changed.changes if change.scaled != change.used),
    )
    _write(out_dir, drill_files, routing.document, manifest)
    return manifest


def _scaled(found: _Found, out: Mapping[str, LeftOut], changed: Durations, dashboards: str | None) -> _Found:
    files = {name: scale(document, out, changed) for name, document in found.items()}
    if dashboards is not None:
        for rule in rules_of(files.values()):
            _link(rule.body, dashboards)
    return files


def _kept(place: Path, rules: list[Rule], out: Mapping[str, LeftOut], passed_over: Iterable[PassedOver]) -> list[Rule]:
    if kept := [rule for rule in rules if rule.where not in out]:
        return kept
    why = [f"{one.where}: {one.reason}" for one in out.values()]
    why += [f"{one.source}: {one.reason}" for one in passed_over]
    raise DrillTimeError("; ".join([f"{place}: no rules: a drill would find every alert silent", *why]))


def _read_rules(place: Path) -> tuple[_Found, list[PassedOver]]:
    """All documents with rules, by the name of the drill's copy, and what was passed over."""
    found: _Found = {}
    passed_over: list[PassedOver] = []
    for path, name in _rule_files(place):
        number = 1
        for each in documents(str(name), path.read_bytes()):
            if isinstance(each, PassedOver):
                passed_over.append(each)
                continue
            while copy_name(name, number) in found:
                number += 1
            found[copy_name(name, number)] = each
    return found, passed_over


def _rule_files(place: Path) -> Iterator[tuple[Path, PurePath]]:
    """Each file that may hold rules, and its name in messages."""
    if place.is_file():
        yield place, PurePath(place.name)
        return
    for path in sorted(place.rglob("*")):
        below = path.relative_to(place)
        # A mounted ConfigMap has its files a second time, in a folder that is hidden.
        if path.suffix in SUFFIXES and path.is_file() and not any(part.startswith(".") for part in below.parts):
            yield path, below


def _load(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_bytes(), Loader=Loader)  # noqa: S506  # a safe loader's child
    except (yaml.YAMLError, ValueError) as error:
        raise DrillTimeError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(document, dict):
        raise DrillTimeError(f"{path}: not a mapping")
    return document


def _link(rule: dict[str, Any], dashboards: str) -> None:
    """Have an alert's dashboard be that of the Grafana at this address, or none."""
    if url := (rule.get("annotations") or {}).get("dashboard_url"):
        others = {key: text for key, text in rule["annotations"].items() if key != "dashboard_url"}
        # The path names the dashboard; what is before it is production's.
        rule["annotations"] = others | (
            {"dashboard_url": f"{dashboards}/d/{url.partition('/d/')[2]}"} if dashboards else {}
        )


def _write(out_dir: Path, rules: _Found, routing: dict[str, Any], manifest: Manifest) -> None:
    folder = out_dir / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    # A rule file that production no longer has would otherwise go on being evaluated.
    for stale in folder.glob("*.yml"):
        stale.unlink()
    for name, document in rules.items():
        (folder / name).write_text(_yaml({"groups": document.groups}, document.source))
    (out_dir / "alertmanager.yml").write_text(_yaml(routing, "the production file of this name"))
    (out_dir / "manifest.json").write_text(manifest.json())


def _yaml(document: dict[str, Any], source: str) -> str:
    return f"# Written by compose/drill_time.py from {source}; edit that one.\n{dump(document)}"


def main(arguments: list[str] | None = None) -> int:
    """Generate from the command line; 0 when written, 2 with one line on stderr for a file that cannot be scaled."""
    parser = argparse.ArgumentParser(prog="drill_time", description="Write alert rules and routing in drill time.")
    parser.add_argument("--rules", type=Path, required=True, help="folder, or file, of rules with production durations")
    parser.add_argument("--alertmanager", type=Path, required=True, help="Alertmanager's file for production")
    parser.add_argument("--pager-url", required=True, help="the running pager, such as http://127.0.0.1:8080")
    parser.add_argument("--pager-mail", default="", metavar="HOST:PORT", help="where the pager takes mail")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--pace", type=int, default=FASTEST, choices=range(1, FASTEST + 1), metavar=f"1..{FASTEST}",
                        help="what durations are divided by (default: %(default)s)")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        profile = at(options.pace)
        pager = Pager(options.pager_url, options.pager_mail)
        manifest = generate(options.rules, options.alertmanager, pager, options.out, profile=profile)
    except (DrillTimeError, OSError) as error:
        print(f"drill_time: {error}", file=sys.stderr)
        return 2
    print("\n".join(_told(manifest)))
    return 0


def _told(manifest: Manifest) -> Iterator[str]:
    yield f"{len(manifest.alerts)} alerts, {len(manifest.durations)} durations, {len(manifest.clamped)} clamped"
    yield from (f"left out: {one.where}: {one.reason}" for one in manifest.left_out)
    yield from (f"passed over: {one.source}: {one.reason}" for one in manifest.passed_over)
    yield from (f"replaced: {each}" for each in manifest.replaced)
    for receiver, kinds in manifest.messages.items():
        yield f"messages: {receiver} sends {', '.join(kinds)} to the pager, and a webhook that says which instances"


if __name__ == "__main__":
    sys.exit(main())
