"""Before the fault comes all rounds look alike, whatever is sealed: nobody learns from waiting."""

import json
import re

import pytest
import yaml

from chaos.facts.game import Ready
from chaos.gameday import sealing
from chaos.gameday.table import Table
from compose.settings import ROOT
from tests import leaks
from tests.served import served
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

CARDS = (
    *("kill-instance", "latency-postgres", "slow-queries", "throttle-instance", "hot-key"),
    *("lose-redis-majority", "fool-checks", "exhaust-pool", "no-fault", "restart-instance"),
)
DIFFERS = re.compile(r"[0-9a-f]{6,}|\d+(?:\.\d+)?|gameday\.yaml")
"""Times, numbers, what is random, and salted sums."""
BY_USERS = ("shop-", "inventory-", "pager", "jaeger")
"""Whose logs tell of users, who come by chance, or of what could not be sent: the leak test looks for words in them."""
BY_CHANCE = re.compile(r"checkpoint|[Bb]ackground saving|changes in \S+ seconds|DB saved|CoW|head GC|compact", re.I)
"""Lines of Postgres, Redis and Prometheus that come when their time has come."""
COMPARED = (
    *("series", "rules", "alerts", "logs", "toxics", "watchdog", "processes", "connections"),
    *("runs", "game.ndjson", "state"),
)
"""Redis's keys are users', who come by chance."""


class Looks:
    """What is served from now on, place by place, without what differs by time and chance."""

    def __init__(self, stack):
        self._stack = stack
        self._logs = stack.settings.state / "logs"
        self._lengths = {log.name: log.stat().st_size for log in self._logs.glob("*.log")}

    def now(self):
        """By place, the kinds of lines that are there."""
        served_ = dict(served(self._stack))
        seen = {place: masked(served_[place]) for place in COMPARED if place in served_}
        return seen | {
            "rules": sorted(set(rules(json.loads(served_["rules"])))),
            "alerts": sorted({alert(one) for one in json.loads(served_["alerts"])}),
            "logs": sorted(set(self._lines())),
        }

    def _lines(self):
        for log in self._logs.glob("*.log"):
            if log.name.startswith(BY_USERS):
                continue
            whole = log.read_bytes()
            had = self._lengths.get(log.name, 0)
            new = whole[had if had <= len(whole) else 0 :].decode(errors="replace")  # else it was rotated
            yield from (f"{log.name}: {line}" for line in masked(new) if not BY_CHANCE.search(line))


def masked(text):
    return sorted(set(DIFFERS.sub("#", text).splitlines()))


def rules(answer):
    """Whether each fires; one that is pending may be so by chance."""
    for group in answer["data"]["groups"]:
        for rule in group["rules"]:
            yield f"{group['name']} {rule['name']} {rule['query']} {rule['health']} {rule.get('state') == 'firing'}"


def alert(one):
    return f"{one['status']['state']} {json.dumps(one['labels'], sort_keys=True)}"


def before(stack, folder, experiment):
    """What is served when a round with this experiment waits for its host."""
    file = folder / "gameday.yaml"
    file.write_text(yaml.safe_dump({"title": "one", "cards": [{"experiment": experiment}]}))
    latest = stack.settings.runs / "latest"
    known, looks = latest.resolve(), Looks(stack)
    process = stack.start("gameday", "--host", "--name", "Host", "--deck", file)
    try:
        until(lambda: latest.resolve() != known and (latest / "game.ndjson").exists(), 120)
        table = Table(latest.resolve())
        until(lambda: table.all(Ready), 90)
        seen = looks.now()
        assert sealing.is_played(table.folder)
        table.steer("Host", "abort")
        process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    return seen


def test_ten_rounds_look_alike_until_their_fault_comes(stack, tmp_path):
    assert all((ROOT / "chaos" / "experiments" / f"{name}.yaml").exists() for name in CARDS)
    first, *others = [before(stack, tmp_path, name) for name in CARDS]
    assert first.keys() == set(COMPARED)
    for name, other in zip(CARDS[1:], others, strict=True):
        for place in COMPARED:
            assert other[place] == first[place], f"{place} differs between {CARDS[0]} and {name}"


SHOWS = (*("series", "toxics", "watchdog", "processes", "connections", "redis-1", "runs", "recording.ndjson", "state"),)
"""Where an unsealed run says what it does: each place at which a round could be given away is one that is looked at."""
CHANGES = tuple(place for place in COMPARED if place not in ("runs", "game.ndjson"))
"""What is compared and is not as it was before, once a fault is there; the other two are seen to be looked at above."""


def test_the_same_faults_unsealed_give_themselves_away_in_every_place(stack, tmp_path):
    file = tmp_path / f"{leaks.SECRET}-one.yaml"
    file.write_text(leaks.EXPERIMENT.format(secret=leaks.SECRET))
    latest = stack.settings.runs / "latest"
    known, looks = latest.resolve(), Looks(stack)
    process = stack.start("run", file, "--target", stack.target)
    recording = latest / "recording.ndjson"
    said, changed = set(), set()

    def more():
        said.update(leaks.told(stack, (leaks.SECRET,)), (place for place, _ in leaks.given_away(stack)))
        changed.update(place for place, seen in looks.now().items() if seen != healthy[place])
        return (said.issuperset(SHOWS) and changed.issuperset(CHANGES)) or process.poll() is not None

    try:
        until(lambda: latest.resolve() != known and b'"baseline"' in recording.read_bytes(), 120)
        healthy = looks.now()
        assert b'"injected"' not in recording.read_bytes()
        until(more, 120)
        process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert (set(SHOWS) - said, set(CHANGES) - changed) == (set(), set())
