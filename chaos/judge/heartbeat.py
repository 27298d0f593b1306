"""How often the always-firing alert has to arrive that proves the way to the pager."""

import math

from chaos.facts.alerts import RuleSeen
from chaos.facts.recording import Recording
from chaos.judge.alert_evidence import routing_of
from chaos.spec import promql

_UNKNOWN_SECONDS = 2.0
"""Where the routing was not recorded: every second turn of its group, in the fastest drill."""
_RETRY_SECONDS = 8.0
"""A turn that fails is tried again for a while; then comes the next."""


def longest_gap(recording: Recording, receiver: str) -> float:
    """For so many seconds nothing may arrive at this receiver: one turn may be lost, and tried again."""
    return 2 * _every_seconds(recording, receiver) + _RETRY_SECONDS


def _every_seconds(recording: Recording, receiver: str) -> float:
    routing = routing_of(recording)
    if routing is None:
        return _UNKNOWN_SECONDS
    rules = [rule for rule in recording.all(RuleSeen) if not rule.records]
    told = [(rule, way) for rule in rules for way in routing.ways(rule.name, rule.labels) if way.receiver == receiver]
    # What reads no series fires always; another one that is sent there may never fire.
    ways = [way for rule, way in told if _reads_nothing(rule)] or [way for _, way in told]
    turns = [
        way.group_interval_seconds * _turns(way.repeat_interval_seconds, way.group_interval_seconds) for way in ways
    ]
    return min(turns, default=_UNKNOWN_SECONDS)


def _turns(repeat: float, interval: float) -> int:
    """At a group's turn a page is repeated that is older than this: of exactly two turns it is the third."""
    return math.floor(repeat / interval) + 1 if interval else 1


def _reads_nothing(rule: RuleSeen) -> bool:
    try:
        return not promql.selectors(rule.query)
    except ValueError:
        return False
