"""At the pace that people play at, what a game day promises in seconds: until a fault may come, and after an abort."""

from dataclasses import replace

import pytest
import yaml

from chaos.facts.game import HoldEnded
from tests.gameday.programs import played

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PACE = "10"
ON_ITS_WAY_WITHIN_SECONDS = 60.0
"""From the command, with the stack up, until something may be broken."""
UNDONE_WITHIN_SECONDS = 10.0
"""From `stormdrill gameday abort` until all is proven undone."""
WRITTEN_WITHIN_SECONDS = 5.0
"""From the run's end until the debrief is there."""
ENDS_WITHIN_SECONDS = 600.0
"""Recovery, and alerts that may still have to resolve, take six times as long as in a drill."""


@pytest.fixture
def slower(stack):
    """The same stack at the pace of game days; afterwards it is as it was."""
    made = replace(stack, environment=stack.environment | {"STORMDRILL_PACE": PACE})
    code, said = made.command("up")
    assert code == 0, said
    yield made
    code, said = stack.command("up")
    assert code == 0, said


@pytest.mark.timeout(1200)
def test_a_round_begins_and_ends_as_soon_as_it_promises(slower, tmp_path):
    deck = tmp_path / "gameday.yaml"
    card = {"experiment": "kill-instance", "mitigation": "restart shop-2"}
    deck.write_text(yaml.safe_dump({"title": "one", "earliest": "1s", "latest": "2s", "cards": [card]}))
    with played(slower, "--name", "Ann", "--deck", deck) as one:
        one.take_seats()
        on_its_way = one.since(one.ready.at)
        one.await_faults(1)
        asked = one.now
        code, said = slower.command("gameday", "abort")
        assert code == 0, said
        [ended] = one.wait(lambda: one.table.all(HoldEnded), UNDONE_WITHIN_SECONDS, "the hold to end")
        [undone] = one.wait(lambda: one.facts("undone"), UNDONE_WITHIN_SECONDS, "the proof that it is undone")
        code = one.wait_for_end(ENDS_WITHIN_SECONDS)
        written = one.debrief_after()
    took = undone["at"] - asked
    print(
        f"pace {PACE}: a fault may come after {on_its_way:.1f} s; undone {took:.1f} s after the abort was typed;"
        f" debrief {written:.1f} s after the end",
        flush=True,
    )
    assert (code, ended.how) == (7, "aborted"), one.said
    assert on_its_way < ON_ITS_WAY_WITHIN_SECONDS
    assert took < UNDONE_WITHIN_SECONDS
    assert written < WRITTEN_WITHIN_SECONDS
