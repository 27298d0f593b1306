"""Writes `series.yml` from a running Prometheus: `python -m alerts.lint.series --prometheus URL`.

Take it from a stack under load, before any fault: what is not there then is missing when the first fault comes.
"""

import argparse
import json
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from alerts.lint.snapshot import ANY, SOMETIMES, Metric

HERE = Path(__file__).parents[1] / "series.yml"
_TIMEOUT_SECONDS = 20.0
# Values of these are the installation's, or change from one start to the next. With `route` and `code` the traffic
# decides; what a service documents is there from the start.
_ANY_VALUE = {
    "address", "alertmanager", "branch", "build_date", "cmd", "commit_sha", "config", "datid", "err", "goarch",
    "golang_version", "goos", "goversion", "id", "instance", "interval", "master_host", "master_port", "os",
    "process_id", "redis_build_id", "redis_version", "revision", "rule_group", "run_id", "scrape_job", "server",
    "service_instance_id", "short_version", "slave_ip", "slave_port", "slice", "tags", "tcp_port", "version", "worker",
}  # fmt: skip
# Neither a rule nor a dashboard reads these, and they are many.
_LEFT_OUT = (
    "go_",
    "net_conntrack_",
    "promhttp_",
    "prometheus_sd_",
    "prometheus_remote_storage_",
    "prometheus_treecache_",
)
_SETTINGS = ("pg_settings_max_connections", "pg_settings_superuser_reserved_connections")
_MOST_VALUES = 40
_SYNTHETIC = ("up", "scrape_")


def take(url: str) -> dict[str, Metric]:
    """Ask a Prometheus for the series of the last minute. Raises OSError when it does not answer."""
    types = {name: entries[0]["type"] for name, entries in _get(url, "metadata").items()}
    found: dict[str, list[Mapping[str, str]]] = {}
    # A target that missed one scrape, on a busy machine, still has its series.
    for sample in _get(url, "query", query='last_over_time({__name__=~".+"}[1m])')["result"]:
        labels = dict(sample["metric"])
        name = labels.pop("__name__")
        if _is_of_use(name):
            found.setdefault(name, []).append(labels)
    return {name: Metric(type_of(name, types), _labels(series)) for name, series in sorted(found.items())}


def type_of(name: str, types: Mapping[str, str]) -> str:
    """The type of a series from the metadata of its family, which may go by a shorter name."""
    if name.startswith(_SYNTHETIC):
        return "gauge"
    if types.get(name) == "summary":
        return "summary"
    for suffix in ("_bucket", "_count", "_sum"):
        if types.get(name.removesuffix(suffix)) in {"histogram", "summary"}:
            return "counter"
    return types.get(name) or types.get(name.removesuffix("_total")) or "unknown"


def _is_of_use(name: str) -> bool:
    left_out = name.startswith(_LEFT_OUT) or (name.startswith("pg_settings_") and name not in _SETTINGS)
    # A record is a rule's, and exists when its rule does.
    return not left_out and name not in SOMETIMES and ":" not in name


def _labels(series: Iterable[Mapping[str, str]]) -> dict[str, tuple[str, ...] | None]:
    series = list(series)
    names = sorted({name for labels in series for name in labels})
    values = {name: sorted({labels.get(name, "") for labels in series}) for name in names}
    return {
        name: None if name in _ANY_VALUE or len(each) > _MOST_VALUES else tuple(each) for name, each in values.items()
    }


def _get(url: str, path: str, **parameters: str) -> Any:
    request = f"{url.rstrip('/')}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        return json.load(answer)["data"]


def text(metrics: Mapping[str, Metric]) -> str:
    """The snapshot's file: one metric a line, so that a change shows as one."""
    head = [
        "# The series a stack has under load before any fault. Written by `python -m alerts.lint.series`; do not edit.",
        "# Metric → its type and its labels' values; `''`: there are series without the label.",
    ]
    lines = []
    for name, metric in metrics.items():
        labels = {label: ANY if values is None else list(values) for label, values in metric.labels.items()}
        body = {"type": metric.type, "labels": labels}
        lines.append(f"{name}: {yaml.safe_dump(body, default_flow_style=True, sort_keys=False, width=10**6).strip()}")
    return "\n".join([*head, *lines]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the snapshot; 0 when written, 2 with one line on stderr when Prometheus does not answer."""
    parser = argparse.ArgumentParser(prog="alerts.lint.series", description="Write which series a running stack has.")
    parser.add_argument("--prometheus", required=True, help="such as http://127.0.0.1:9090")
    # Where the linter is installed there is no such file, and people say where theirs is to be.
    parser.add_argument(
        "--out", type=Path, default=HERE, required=not HERE.exists(), help="file to write (default: alerts/series.yml)"
    )
    options = parser.parse_args(arguments)
    try:
        metrics = take(options.prometheus)
    except (OSError, ValueError, KeyError) as error:
        print(f"series: {options.prometheus}: {error}", file=sys.stderr)
        return 2
    options.out.write_text(text(metrics))
    print(f"{options.out}: {len(metrics)} metrics")
    return 0


if __name__ == "__main__":
    sys.exit(main())
