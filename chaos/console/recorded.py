"""What a recording that is open says of alerts, dashboards and traces."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from chaos.console.lanes import Told
from chaos.facts.alerts import AlertHistory, AlertmanagerSeen, RuleSeen, TakenAlert
from chaos.facts.any_fact import AnyFact

_HEAD_BYTES = 200
"""A fact's line begins with its tag."""


def lines(content: bytes, tags: Iterable[bytes]) -> list[AnyFact]:
    """The facts with these tags; of the many others not even their lines are parsed. Raises ValueError."""
    wanted = tuple(tags)
    return [
        msgspec.json.decode(line, type=AnyFact)
        for line in content.splitlines()
        if any(tag in line[:_HEAD_BYTES] for tag in wanted)
    ]


def of_kind(file: Path, tag: bytes) -> list[AnyFact]:
    """Every fact with this tag; none where there is no recording. Raises OSError, ValueError."""
    try:
        with file.open("rb") as opened:
            return [one for line in opened if line.endswith(b"\n") for one in lines(line, (tag,))]
    except FileNotFoundError:
        return []


def told(marks: Iterable[AnyFact], now: float) -> Told:
    """What Prometheus and Alertmanager had said until then."""
    histories: list[AlertHistory] = []
    taken: list[TakenAlert] = []
    step = 0.0
    for mark in marks:
        match mark:
            case AlertHistory():
                histories.append(mark)
            case AlertmanagerSeen(alerts=list(alerts)) if mark.at <= now:
                taken = alerts
            case RuleSeen(records=False):
                step = max(step, mark.interval_seconds)
    return Told(histories, taken, step or 1.0)
