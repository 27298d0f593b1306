"""What the objectives of alerts/slo.rules.yml are reckoned from, read where Prometheus reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import until

_RULES = Path(__file__).parents[2] / "alerts" / "slo.rules.yml"
_IN_HAND = "http_server_active_requests"


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts since the programs were started."""

    requests: int
    """At the frontend; that what was sent is among them shows that it is these counters that users move."""
    failed: int
    """Of these, those that spend the budget of availability."""
    slow: int
    """Of what the instances were asked, what spends the budget of latency."""

    def __sub__(self, other: "Counted") -> "Counted":
        return Counted(self.requests - other.requests, self.failed - other.failed, self.slow - other.slow)


def count(stack) -> Counted:
    """What is counted when no instance has anything in hand any more: what a client gave up on goes on for a while."""
    failed, requests, quick, measured = _selectors()
    # One client: to make one takes longer than to ask.
    with httpx.Client() as client:
        shops = until(lambda: _when_idle(client, stack))
        front = list(_samples(client, stack.topology.haproxy_metrics))
    return Counted(_sum(front, *requests), _sum(front, *failed), _sum(shops, *measured) - _sum(shops, *quick))


def _selectors() -> list[tuple[str, dict[str, str]]]:
    """What the rules of both objectives take the rate of: failed, all; quick, all that were measured."""
    found = dict.fromkeys(re.findall(r"rate\((\w+){([^}]*)}", _RULES.read_text()))
    assert len(found) == 4, found
    # The job is Prometheus's own label: it says where to look.
    return [(name, dict(re.findall(r'(\w+)="([^"]*)"', labels)) | {"job": ""}) for name, labels in found]


def _when_idle(client: httpx.Client, stack) -> list | None:
    ports = [port for shop in stack.topology.of_role("shop") for port in shop.metrics_ports]
    samples = [sample for port in ports for sample in _samples(client, port)]
    return None if _sum(samples, _IN_HAND) else samples


def _samples(client: httpx.Client, port: int) -> Iterator:
    try:
        text = client.get(f"http://127.0.0.1:{port}/metrics").text
    except httpx.ConnectError:  # there are more ports than workers
        return
    # Parsing all that HAProxy says takes most of a second.
    wanted = (_IN_HAND, *(name for name, _ in _selectors()))
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        yield from family.samples


def _sum(samples: list, name: str, labels: dict[str, str] | None = None) -> int:
    wanted = labels or {}
    found = [s.value for s in samples if s.name == name and all(s.labels.get(k, "") == v for k, v in wanted.items())]
    assert found, f"no series {name} {wanted}"
    return round(sum(found))
