"""The console in Debian's Chromium, by Playwright: `pip install playwright`, then `pytest tests/browser`.

A skeleton: one round of a made-up folder. Playwright's own download of a browser is not used.
"""

import msgspec
import pytest

from chaos.console import process
from chaos.facts.game import Acknowledged, Claimed, Noted, Steered
from chaos.gameday.table import Table
from tests.ports import free_port
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import TOKENS, sealed_round

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = "/usr/bin/chromium"
PHONE, WALL = {"width": 390, "height": 844}, {"width": 1920, "height": 1080}


@pytest.fixture
def console(tmp_path):
    with sealed_round(tmp_path / "one"):
        given = msgspec.structs.replace(rounds.settings(tmp_path / "one", TOKENS), port=free_port())
        begun = process.start(given, tmp_path / ".console" / "one.json")
        yield begun
        begun.end()


@pytest.fixture
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def enter(chromium, console, role, viewport):
    page = chromium.new_context(viewport=viewport).new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(dict(console.settings.urls("127.0.0.1"))[role])
    page.wait_for_selector("#page-3")
    return page


def test_a_player_on_a_phone_and_a_host_at_the_wall(console, chromium):
    player = enter(chromium, console, "player", PHONE)
    player.get_by_label("You are").fill("Ann")
    player.get_by_role("button", name="Come to the table").press("Enter")
    player.get_by_role("button", name="Acknowledge page 3").press("Enter")
    player.wait_for_selector("text=Ann has it")
    player.get_by_label("component").select_option("shop-2")
    player.get_by_role("button", name="Claim").press("Enter")
    player.get_by_label("text").fill("it is the process")
    player.get_by_role("button", name="Write it down").press("Enter")
    player.wait_for_selector("text=Ann notes: it is the process")
    assert player.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than a phone"
    host = enter(chromium, console, "host", WALL)
    host.get_by_label("You are").fill("Hana")
    host.get_by_role("button", name="Abort, and undo").press("Enter")
    host.get_by_role("button", name="Really abort? Press again").press("Enter")
    player.wait_for_selector("text=Hana, the host: abort")
    kinds = {type(fact) for fact in Table(console.file.parent.parent / "one").facts}
    assert {Acknowledged, Claimed, Noted, Steered} <= kinds
