"""Drill time: the alert rules and routing of production with every duration divided, so that minutes become seconds.

`python -m compose.drill_time --rules alerts --alertmanager alerts/alertmanager.yml --pager-url URL --out DIR` writes
DIR/rules/*.rules.yml, DIR/alertmanager.yml and DIR/manifest.json. Nothing but durations and receiver URLs changes, and
for a stack the address of its dashboards. `--pace` says what durations are divided by, 60 if it is not given.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from compose.pace.manifest import AlertTiming, LeftOut, Manifest, Rule, alert_timings
from compose.pace.promql import durations, metrics, read, scale_expression
from compose.pace.routing import receiver_urls, scale_routing
from compose.pace.timing import (
    ALERTMANAGER_FLAGS,
    DRILL,
    FASTEST,
    DrillTimeError,
    Durations,
    Kind,
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

_RULE_DURATIONS = {"for": Kind.HOLD, "keep_firing_for": Kind.HOLD}
_GROUP_DURATIONS = {"interval": Kind.INTERVAL, "query_offset": Kind.OFFSET}
# A rule file's name → its parsed YAML.
_Files = dict[str, dict[str, Any]]


def generate(
    rules_dir: Path,
    alertmanager_file: Path,
    pager_url: str,
    out_dir: Path,
    ways: Mapping[str, str] | None = None,
    profile: TimingProfile = DRILL,
    dashboards: str | None = None,
) -> Manifest:
    """Write the drill's rules, routing and manifest below `out_dir`, replacing what an earlier call wrote there.

    `ways` are addresses of the pager that single receivers use in place of `pager_url`. `dashboards` is where Grafana
    is; empty: there is none, and the alerts lead to no dashboard; None: as the production rules say.
    Raises DrillTimeError, before anything is written, for a file that cannot be run in drill time.
    """
    files = {path.name: _load(path) for path in sorted(rules_dir.glob("*.rules.yml"))}
    if not files:
        raise DrillTimeError(f"{rules_dir}: no *.rules.yml: a drill without rules would find every alert silent")
    routing = _load(alertmanager_file)
    changed = Durations(profile)
    left_out = _left_out(_rules(files), profile)
    drill_files = {name: _scale_file(name, document, left_out, changed) for name, document in files.items()}
    if dashboards is not None:
        for rule in _rules(drill_files):
            _link(rule.body, dashboards)
    drill_routing = scale_routing(routing, pager_url, changed, alertmanager_file.name, ways or {})
    kept = [rule for rule in _rules(files) if rule.where not in left_out]
    manifest = Manifest(
        scale=profile.scale,
        production=profile.production,
        drill=profile.drill,
        alerts=alert_timings(kept, _rules(drill_files), routing, drill_routing),
        receivers=receiver_urls(drill_routing),
        left_out=tuple(left_out.values()),
        durations=tuple(changed.changes),
        clamped=tuple(change for change in changed.changes if change.scaled != change.used),
    )
    _write(out_dir, drill_files, drill_routing, manifest)
    return manifest


def _load(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise DrillTimeError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(document, dict):
        raise DrillTimeError(f"{path}: not a mapping")
    return document


def _rules(files: _Files) -> list[Rule]:
    return [rule for name, document in files.items() for group in document["groups"] for rule in _group(name, group)]


def _group(file: str, group: dict[str, Any]) -> list[Rule]:
    # The place in the group tells apart rules that record one name with different labels.
    return [
        Rule(f"{file}: {group['name']}[{place}] {body.get('alert') or body['record']}", group["name"], body)
        for place, body in enumerate(group["rules"])
    ]


def _left_out(rules: Iterable[Rule], profile: TimingProfile) -> dict[str, LeftOut]:
    """Rules that look back too far, and those that read a recording rule that is left out."""
    out: dict[str, LeftOut] = {}
    waiting = {rule.where: (rule, read(rule.expression, rule.where)) for rule in rules}
    for where, (rule, tree) in waiting.items():
        longest = max((abs(length) for _, length in durations(tree)), default=timedelta(0))
        if longest >= profile.longest_window:
            out[where] = LeftOut(rule.name, where, f"looks back {longest}")
    while True:
        missing = {rule.name for where, (rule, _) in waiting.items() if where in out and "record" in rule.body}
        readers = {
            where: LeftOut(rule.name, where, f"reads {min(metrics(tree) & missing)}, which is left out")
            for where, (rule, tree) in waiting.items()
            if where not in out and metrics(tree) & missing
        }
        if not readers:
            return out
        out |= readers


def _scale_file(file: str, document: dict[str, Any], left_out: Mapping[str, LeftOut], to: Durations) -> dict[str, Any]:
    groups = []
    for group in document["groups"]:
        rules = [_scale_rule(rule, to) for rule in _group(file, group) if rule.where not in left_out]
        if rules:
            groups.append(_scale_keys(group, _GROUP_DURATIONS, f"{file}: {group['name']}", to) | {"rules": rules})
    return document | {"groups": groups}


def _scale_rule(rule: Rule, to: Durations) -> dict[str, Any]:
    expression = scale_expression(str(rule.body["expr"]), to, f"{rule.where}: expr")
    return _scale_keys(rule.body, _RULE_DURATIONS, rule.where, to) | {"expr": expression}


def _scale_keys(tree: dict[str, Any], kinds: Mapping[str, Kind], where: str, to: Durations) -> dict[str, Any]:
    scaled = {key: to.scale(str(tree[key]), kind, f"{where}: {key}") for key, kind in kinds.items() if key in tree}
    return tree | scaled


def _link(rule: dict[str, Any], dashboards: str) -> None:
    """Have an alert's dashboard be that of the Grafana at this address, or none."""
    if url := rule.get("annotations", {}).get("dashboard_url"):
        others = {key: text for key, text in rule["annotations"].items() if key != "dashboard_url"}
        # The path names the dashboard; what is before it is production's.
        rule["annotations"] = others | (
            {"dashboard_url": f"{dashboards}/d/{url.partition('/d/')[2]}"} if dashboards else {}
        )


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as such, so that a generated file can be read beside its original."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _write(out_dir: Path, rules: _Files, routing: dict[str, Any], manifest: Manifest) -> None:
    folder = out_dir / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    # A rule file that production no longer has would otherwise go on being evaluated.
    for stale in folder.glob("*.yml"):
        stale.unlink()
    for name, document in rules.items():
        (folder / name).write_text(_yaml(document))
    (out_dir / "alertmanager.yml").write_text(_yaml(routing))
    (out_dir / "manifest.json").write_text(manifest.json())


def _yaml(document: dict[str, Any]) -> str:
    head = "# Written by compose/drill_time.py from the production file of this name; edit that one.\n"
    return head + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=200)


def main(arguments: list[str] | None = None) -> int:
    """Generate from the command line; 0 when written, 2 with one line on stderr for a file that cannot be scaled."""
    parser = argparse.ArgumentParser(prog="drill_time", description="Write alert rules and routing in drill time.")
    parser.add_argument("--rules", type=Path, required=True, help="folder of *.rules.yml with production durations")
    parser.add_argument("--alertmanager", type=Path, required=True, help="Alertmanager's file for production")
    parser.add_argument("--pager-url", required=True, help="the running pager, such as http://127.0.0.1:8080")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--pace", type=int, default=FASTEST, choices=range(1, FASTEST + 1), metavar=f"1..{FASTEST}",
                        help="what durations are divided by (default: %(default)s)")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        profile = at(options.pace)
        manifest = generate(options.rules, options.alertmanager, options.pager_url, options.out, profile=profile)
    except (DrillTimeError, OSError) as error:
        print(f"drill_time: {error}", file=sys.stderr)
        return 2
    print(f"{len(manifest.alerts)} alerts, {len(manifest.durations)} durations, {len(manifest.clamped)} clamped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
