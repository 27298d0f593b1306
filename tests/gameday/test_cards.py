"""Every card of our deck can be ended as it says: what users feel is over, and the round knows it."""

import json

import pytest
import yaml

from chaos.facts.game import Declared, HoldEnded
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.gameday import deck
from compose.settings import ROOT
from tests.gameday.programs import played

pytestmark = [pytest.mark.stack, pytest.mark.slow]

EXPERIMENTS = ROOT / "chaos" / "experiments"
OURS = ROOT / "chaos" / "decks" / "shop.yaml"
CARDS = [card for card in deck.read(OURS, EXPERIMENTS).cards if card.mitigation]
ENDS = {
    "restart": ("mitigated",),
    "undrain": ("mitigated",),
    # What was named is put back; of several faults another may be left, which nobody notices any more.
    "repair": ("repaired", "mitigated"),
    # The fault stays where it is, and nobody meets it any more: that it is over somebody has to say.
    "drain": ("resolved",),
}
"""How a round ends that is ended by such an action."""
HURTS_FOR_SECONDS = 12.0
GUESS_SECONDS = 4
OVER_WITHIN_SECONDS = 150.0
"""Where what is left could still page, rules that look back for half a minute have to be told to be over before."""
DEBRIEF_WITHIN_SECONDS = 240.0
"""From the undo: recovery, alerts that resolve, orders that are read back."""
WRITTEN_WITHIN_SECONDS = 5.0
"""From the run's end; the issue's own bound."""
MEND = "either this card's `mitigation` in chaos/decks/shop.yaml does not end it, or what it asks for does not work"


def deck_of(card, folder):
    file = folder / "gameday.yaml"
    cards = [{"experiment": card.experiment, "mitigation": card.mitigation}]
    times = {"earliest": "1s", "latest": "2s", "limit": "200s", "wrong_repair_costs": f"{GUESS_SECONDS}s"}
    file.write_text(yaml.safe_dump({"title": "one", **times, "cards": cards}))
    return file


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.experiment)
def test_its_mitigation_ends_it(stack, tmp_path, card):
    faults = yamlfile.read(EXPERIMENTS / f"{card.experiment}.yaml", Experiment).faults
    with played(stack, "--name", "Ann", "--deck", deck_of(card, tmp_path)) as one:
        one.take_seats()
        came = one.await_faults(len(faults))
        one.wait(lambda: one.now > came + HURTS_FOR_SECONDS, HURTS_FOR_SECONDS + 5, "users to have felt it")
        acted = one.act("Ann", card.mitigation)
        assert acted.done, f"`{card.mitigation}` was not done: {acted.detail}; {MEND}:\n{one.said}"
        says_so = card.mitigation.startswith("drain ")
        what = f"the round to be over after `{card.mitigation}`; {MEND}"
        [ended] = one.wait(lambda: over(one.table, one.now, says_so), OVER_WITHIN_SECONDS, what)
        code = one.wait_for_end(DEBRIEF_WITHIN_SECONDS)
        written = one.debrief_after()
    print(
        f"{card.experiment}: ready after {one.ready.at:.0f} s; broken at {came:.0f} s; {card.mitigation} done at"
        f" {acted.at:.0f} s; {ended.how} at {ended.at:.0f} s; debrief {written:.1f} s after the end",
        flush=True,
    )
    assert code == 0, one.said
    assert ended.how in ENDS[card.mitigation.split()[0]], one.said
    parts = {part["name"]: part for part in json.loads((one.folder / "score.json").read_text())["parts"]}
    hurt = parts["mitigate"]["par"] is not None
    assert not hurt or parts["mitigate"]["value"] is not None, f"{parts['mitigate']['words']}; {MEND}:\n{one.said}"
    assert written < WRITTEN_WITHIN_SECONDS


def over(table, now, says_so):
    """How it ended, as soon as it has; `says_so`: somebody says so whenever a guess is free."""
    ended = table.all(HoldEnded)
    said = table.all(Declared)
    if says_so and not ended and (not said or now > said[-1].at + GUESS_SECONDS + 1):
        table.declare("Ann")
    return ended
