"""Every action by keyboard alone, under the console's own Content-Security-Policy."""

from chaos.console import acts
from chaos.facts.game import (
    Acknowledged,
    Answered,
    Asked,
    Claimed,
    Declared,
    HintAsked,
    Joined,
    Noted,
    RunbookOpened,
    Steered,
    TruthShown,
)
from chaos.gameday.table import Table
from tests.browser import keyboard
from tests.browser.conftest import PHONE
from tests.browser.test_views import place  # noqa: F401  # a fixture
from tests.waiting import until

DONE = {
    "join": Joined, "acknowledge": Acknowledged, "runbook": RunbookOpened, "claim": Claimed, "note": Noted,
    "answer": Answered, "act": Asked, "hint": HintAsked, "over": Declared, "truth": TruthShown, "steer": Steered,
}  # fmt: skip
"""What each verb leaves behind."""


def joins(page, who, role):
    keyboard.write(page, page.get_by_label("You are"), who)
    keyboard.choose(page, page.locator("#as"), role)
    keyboard.button(page, "Come to the table")
    page.wait_for_selector(f"#log >> text={who}")


def leads(host):
    for name in ("Delay by 1 min", "Start now", "Extend by 5 min", "Abort, and undo", "Really abort? Press again"):
        keyboard.button(host, name)


def takes_a_page(player):
    keyboard.button(player, "Acknowledge page 3", "Space")
    keyboard.button(player, "Runbook of page 3")
    player.wait_for_selector("dialog[open] >> text=An instance is down.")
    player.keyboard.press("Escape")
    player.wait_for_selector("dialog", state="hidden")


def diagnoses(player):
    keyboard.choose(player, player.locator("#component"), "shop-2")
    keyboard.choose(player, player.locator("#family"), "process")
    keyboard.press(player, player.locator("#sure"), "End")
    keyboard.button(player, "Claim")
    keyboard.choose(player, player.locator("#action"), "silence ALERT MINUTES")
    keyboard.write(player, player.locator("#more [data-word=ALERT]"), "Down")
    keyboard.write(player, player.locator("#more [data-word=MINUTES]"), "5")
    for name in ("Do it", "It is over", "A hint (it counts)"):
        keyboard.button(player, name)


def says(player):
    keyboard.write(player, player.locator("#text"), "it is the process")
    keyboard.button(player, "Write it down")
    keyboard.write(player, player.locator("#questions input"), "Only slow.")
    keyboard.button(player, "Answer")


def looks(host):
    for name in ("Show me the truth", "Nobody's mitigation and none of your claims will be scored. Press again"):
        keyboard.button(host, name)


def test_every_action(place, enter):  # noqa: F811  # the fixture
    folder, urls, _ = place
    table = Table(folder)
    host = enter(urls["host"])
    joins(host, "Hana", "host")
    leads(host)
    player = enter(urls["player"], PHONE)
    joins(player, "Ann", "player")
    takes_a_page(player)
    diagnoses(player)
    says(player)
    looks(host)
    for verb in acts.BODIES:
        until(lambda verb=verb: table.all(DONE[verb]))
    assert [fact.how for fact in table.all(Steered)] == ["delay", "start", "extend", "abort"]
    [claim] = table.all(Claimed)
    assert (claim.who, claim.component, claim.family, claim.confidence) == ("Ann", "shop-2", "process", 1.0)
    assert [fact.action for fact in table.all(Asked)] == ["silence Down 5"]


def test_what_there_is_to_look_at(place, enter):  # noqa: F811  # the fixture
    _, urls, _ = place
    page = enter(urls["watcher"], PHONE)
    page.wait_for_selector("#page-3")
    keyboard.press(page, page.locator("#boards > summary"))
    page.wait_for_selector("#panels .panel svg polyline.series", state="attached")
    keyboard.choose(page, page.locator("#back"), "0")
    keyboard.press(page, page.locator("#traces > summary"))
    keyboard.press(page, page.locator(".trace > summary").first)
    keyboard.press(page, page.locator(".span-row > summary").first)
    page.wait_for_selector(".span-row[open] dl >> text=http.route")
    keyboard.choose(page, page.locator("#range"), "60")
    keyboard.reach(page, page.locator("#log"))
