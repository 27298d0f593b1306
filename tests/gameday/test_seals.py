"""Before the fault comes all rounds look alike, whatever is sealed: nobody learns from waiting."""

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
COMPARED = ("series", "toxics", "watchdog", "processes", "connections", "runs", "game.ndjson")
"""Logs and keys tell of users, who come by chance."""


def before(stack, folder, experiment):
    """What is served when a round with this experiment waits for its host, with all that differs by time left out."""
    file = folder / "gameday.yaml"
    file.write_text(yaml.safe_dump({"title": "one", "cards": [{"experiment": experiment}]}))
    latest = stack.settings.runs / "latest"
    known = latest.resolve()
    process = stack.start("gameday", "--host", "--name", "Host", "--deck", file)
    try:
        until(lambda: latest.resolve() != known and (latest / "game.ndjson").exists(), 120)
        table = Table(latest.resolve())
        until(lambda: table.all(Ready), 90)
        seen = {place: text for place, text in served(stack) if place in COMPARED}
        assert sealing.is_played(table.folder)
        table.steer("Host", "abort")
        process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    return {place: sorted(set(DIFFERS.sub("#", text).splitlines())) for place, text in seen.items()}


def test_ten_rounds_look_alike_until_their_fault_comes(stack, tmp_path):
    assert all((ROOT / "chaos" / "experiments" / f"{name}.yaml").exists() for name in CARDS)
    first, *others = [before(stack, tmp_path, name) for name in CARDS]
    for name, other in zip(CARDS[1:], others, strict=True):
        for place in COMPARED:
            assert other[place] == first[place], f"{place} differs between {CARDS[0]} and {name}"


SHOWS = ("series", "toxics", "watchdog", "processes", "connections", "redis-1", "runs", "recording.ndjson")
"""Where an unsealed run says what it does: each place at which a round could be given away is one that is looked at."""


def test_the_same_faults_unsealed_give_themselves_away_in_every_place(stack, tmp_path):
    file = tmp_path / f"{leaks.SECRET}-one.yaml"
    file.write_text(leaks.EXPERIMENT.format(secret=leaks.SECRET))
    latest = stack.settings.runs / "latest"
    known = latest.resolve()
    process = stack.start("run", file, "--target", stack.target)
    seen = set()

    def more():
        if latest.resolve() != known:
            seen.update(leaks.told(stack, (leaks.SECRET,)), (place for place, _ in leaks.given_away(stack)))
        return seen.issuperset(SHOWS) or process.poll() is not None

    try:
        until(more, 120)
        process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert set(SHOWS) - seen == set()
