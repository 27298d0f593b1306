"""What is served, place by place, without what differs by time and by chance: so that two rounds can be compared."""

import ast
import json
import re
from collections.abc import Iterator

from tests.served import served

COMPARED = (
    *("series", "rules", "alerts", "logs", "toxics", "watchdog", "processes", "connections"),
    *("runs", "game.ndjson", "state"),
)
"""Redis's keys are users', who come by chance."""
_DIFFERS = re.compile(r"[0-9a-f]{6,}|(?<![a-zA-Z]-)(?<!\d)\d+(?:\.\d+)?|gameday\.yaml")
"""Times, numbers, what is random, and salted sums; not the number in a name, such as that of `shop-2`."""
_BY_USERS = ("shop-", "inventory-", "pager", "jaeger")
"""Whose logs tell of users, who come by chance, or of what could not be sent: the leak test looks for words in them."""
_JOBS_OF_USERS = ("shop", "inventory")
"""Whose series have labels for what users met; none of these servers knows of a round."""
_BY_CHANCE = re.compile(r"checkpoint|[Bb]ackground saving|changes in \S+ seconds|DB saved|CoW|head GC|compact", re.I)
"""Lines of Postgres, Redis and Prometheus that come when their time has come."""


class Looks:
    """What is served from now on."""

    def __init__(self, stack) -> None:
        self._stack = stack
        self._logs = stack.settings.state / "logs"
        self._lengths = {log.name: log.stat().st_size for log in self._logs.glob("*.log")}
        self._runs = {one.name for one in stack.settings.runs.iterdir()} | {"latest"}

    def now(self) -> dict[str, set[str]]:
        """By place, the kinds of lines that are there."""
        served_ = dict(served(self._stack))
        return {place: masked(served_[place].splitlines()) for place in COMPARED if place in served_} | {
            "series": masked(series(json.loads(served_["series"]))),
            "rules": set(rules(json.loads(served_["rules"]))),
            "alerts": {alert(one) for one in json.loads(served_["alerts"])},
            "connections": masked(connections(served_["connections"])),
            "logs": set(self._lines()),
            # Of this round: those of before are more each time.
            "runs": masked(set(served_["runs"].splitlines()) - self._runs),
        }

    def _lines(self) -> Iterator[str]:
        for log in self._logs.glob("*.log"):
            if log.name.startswith(_BY_USERS):
                continue
            whole = log.read_bytes()
            had = self._lengths.get(log.name, 0)
            new = whole[had if had <= len(whole) else 0 :].decode(errors="replace")  # else it was rotated
            yield from (f"{log.name}: {line}" for line in masked(new.splitlines()) if not _BY_CHANCE.search(line))


def masked(lines) -> set[str]:
    return {_DIFFERS.sub("#", line) for line in lines}


def series(answer) -> Iterator[str]:
    """Each but those of users, and but alerts that are pending, which may be so by chance."""
    for labels in answer["data"]:
        pending = labels["__name__"] == "ALERTS_FOR_STATE" or labels.get("alertstate") == "pending"
        if labels.get("job") not in _JOBS_OF_USERS and not pending:
            yield json.dumps(labels, sort_keys=True)


def rules(answer) -> Iterator[str]:
    """Whether each fires; one that is pending may be so by chance."""
    for group in answer["data"]["groups"]:
        for rule in group["rules"]:
            yield f"{group['name']} {rule['name']} {rule['query']} {rule['health']} {rule.get('state') == 'firing'}"


def alert(one) -> str:
    return f"{one['status']['state']} {json.dumps(one['labels'], sort_keys=True)}"


def connections(text) -> Iterator[str]:
    """Whose each is, and what it asked last; of those that serve users not what, as that is chance."""
    for name, query in map(ast.literal_eval, text.splitlines()):
        yield name if name.startswith(_BY_USERS) else f"{name} {query}"
