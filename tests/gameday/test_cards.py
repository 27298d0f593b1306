"""Every card of our deck can be ended as it says: what users feel is over, and the round knows it."""

import json

import pytest
import yaml

from chaos.facts.game import Acted, Declared, HoldEnded, Ready
from chaos.gameday.table import Table
from chaos.spec.gameday import deck
from compose.settings import ROOT
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

OURS = ROOT / "chaos" / "decks" / "shop.yaml"
CARDS = [card for card in deck.read(OURS, ROOT / "chaos" / "experiments").cards if card.mitigation]
HURTS_FOR_SECONDS = 12.0
GUESS_SECONDS = 4


def deck_of(card, folder):
    file = folder / "gameday.yaml"
    cards = [{"experiment": card.experiment, "mitigation": card.mitigation}]
    times = {"earliest": "1s", "latest": "2s", "limit": "120s", "wrong_repair_costs": f"{GUESS_SECONDS}s"}
    file.write_text(yaml.safe_dump({"title": "one", **times, "cards": cards}))
    return file


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.experiment)
def test_its_mitigation_ends_it(stack, tmp_path, card):
    latest = stack.settings.runs / "latest"
    before = latest.resolve()
    process = stack.start("gameday", "--deck", deck_of(card, tmp_path))
    try:
        until(lambda: latest.resolve() != before and (latest / "game.ndjson").exists(), 120)
        table = Table(latest.resolve())
        [ready] = until(lambda: table.all(Ready), 90)
        until(lambda: table._now() > ready.at + HURTS_FOR_SECONDS, 60)
        table.ask("Ann", card.mitigation)
        [acted] = until(lambda: table.all(Acted), 40)
        assert acted.done, acted.detail
        until(lambda: over(table), 100)
        output, _ = process.communicate(timeout=180)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    [ended] = table.all(HoldEnded)
    assert ended.how in ("mitigated", "repaired", "resolved")
    parts = {part["name"]: part for part in json.loads((table.folder / "score.json").read_text())["parts"]}
    hurt = parts["mitigate"]["par"] is not None
    assert not hurt or parts["mitigate"]["value"] is not None, "users were never well again"


def over(table):
    """Whether the round is; where the fault is still there and hurts nobody any more, somebody has to say so."""
    if table.all(HoldEnded):
        return True
    said = table.all(Declared)
    if not said or table._now() > said[-1].at + GUESS_SECONDS + 1:
        table.declare("Ann")
    return False
