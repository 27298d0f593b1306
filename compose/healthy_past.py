"""What Prometheus would have stored of healthy user traffic, for the rules whose windows are longer than a drill.

These rules read HAProxy's answers (errors) and the shop's durations (latency). Of the durations one series of each
instance is enough, its busiest route: the rules add all up, and what is missing of the others is missing in both parts
of the ratio.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from compose.pace.timing import TimingProfile

HISTORY = timedelta(hours=7)
"""In production's time: the longest window of a rule that is in a drill is six hours."""
HEALTHY_PER_SECOND = 50.0
_SLOW_FROM_SECONDS = "0.5"
_RESPONSES = "haproxy_frontend_http_responses_total"
_DURATION = "http_server_request_duration_seconds"
_LINE = re.compile(r"^(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')


@dataclass(frozen=True, slots=True)
class Counted:
    """One counter of the past, which ends at the value that the first real scrape goes on from."""

    name: str
    labels: dict[str, str]
    """With those that Prometheus adds to a target's."""
    ends_at: float
    per_second: float

    @property
    def series(self) -> str:
        """As PromQL and the exposition format write it."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{{{labels}}}"


def answers(exposition: str, target: dict[str, str]) -> list[Counted]:
    """HAProxy's answers to users: nothing but successes."""
    return [
        Counted(name, labels | target, value, HEALTHY_PER_SECOND if labels["code"] == "2xx" else 0.0)
        for name, labels, value in _samples(exposition)
        if name == _RESPONSES and labels["proxy"] == "shop"
    ]


def durations(exposition: str, target: dict[str, str], per_second: float) -> list[Counted]:
    """One instance's requests, all of them fast: as many in the bucket as in all."""
    samples = [(name, labels, value) for name, labels, value in _samples(exposition) if name.startswith(_DURATION)]
    counts = [(value, labels) for name, labels, value in samples if name == f"{_DURATION}_count"]
    if not counts:
        return []
    _, busiest = max(counts, key=lambda count: count[0])
    wanted = {f"{_DURATION}_count": busiest, f"{_DURATION}_bucket": busiest | {"le": _SLOW_FROM_SECONDS}}
    return [
        Counted(name, labels | target, value, per_second)
        for name, labels, value in samples
        if labels == wanted.get(name)
    ]


def openmetrics(past: list[Counted], now: float, profile: TimingProfile) -> str:
    """The text from which promtool makes blocks: HISTORY at this pace before `now`, a sample a scrape."""
    step = profile.drill.scrape_interval
    scrapes = range(profile.scaled(HISTORY) // step, 0, -1)
    lines = [
        f"{counted.series} {counted.ends_at - counted.per_second * ago} {now - ago:.3f}"
        for counted in past
        for ago in (number * step.total_seconds() for number in scrapes)
    ]
    return "\n".join([*lines, "# EOF", ""])


def _samples(exposition: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in exposition.splitlines():
        if match := _LINE.match(line):
            yield match["name"], dict(_LABEL.findall(match["labels"])), float(match["value"])
