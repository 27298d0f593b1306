"""A whole round in real browsers: a host at a wall's width, two players with phones, a console killed in between."""

import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from chaos.facts.game import Acknowledged, Acted, Claimed, HintGiven, HoldEnded, Paged, Ready, Revealed
from chaos.gameday import ending, sealing
from chaos.report import game_words
from tests.browser.conftest import PHONE, WALL, fits
from tests.browser.day import SECRET, Day
from tests.leaks import GIVEN_AWAY
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(600)]

PICTURES = "STORMDRILL_PICTURES"
"""Where `make picture` wants what a player sees in the middle of a round."""
SEEN_MS = 5_000
ROUND_MS = 120_000
PAGES = 3
LOOKED = ("state", "board", "traces")
"""What pages ask for again and again, by the first word of its path."""
ALIKE = ("", "enter", "static")
"""What is the same for every round: a page that is loaded anew has its browser forget it."""
HINT_EVERY_SECONDS = 1.0
PICTURED = WALL | {"height": 1700}


@pytest.fixture
def day(stack, tmp_path):
    played = Day(stack, tmp_path)
    yield played
    played.end()


def comes(enter, url, who, role, viewport, told):
    page = enter(url, viewport)
    page.on("response", lambda answer: told.append(answer))  # noqa: PLW0108  (Playwright writes on what it is given)
    page.wait_for_selector("#log li", timeout=ROUND_MS)
    page.get_by_label("You are").fill(who)
    page.locator("#as").select_option(role)
    return page


def read(answers):
    """What was served, and of what no more is to be had, why: its console was killed, or its page has gone on."""
    from playwright.sync_api import Error

    served, lost = [], []
    while answers:
        answer = answers.pop(0)
        try:
            served.append((urlsplit(answer.url).path, answer.body()))
        except Error as error:
            if urlsplit(answer.url).path.split("/")[1] not in ALIKE:
                lost.append((answer.url, error.message))
    return served, lost


def assert_nothing_told(served, lost, table):
    """Nothing that was served says what is sealed, and next to nothing was lost before it was looked at."""
    assert sealing.is_sealed(table.folder)
    assert len(lost) <= PAGES * len(LOOKED), lost
    assert len(served) > 50
    seal = sealing.read(table.folder)
    secrets = [SECRET, seal.salt, str(seal.sealed.seed)]
    assert [(path, secret) for path, body in served for secret in secrets if secret.encode() in body] == []
    for looked in LOOKED:
        said = [body.decode() for path, body in served if path.split("/")[1] == looked]
        assert len(said) >= PAGES - 1, f"{looked} was served {len(said)} times"
        named = {found for body in said for found in GIVEN_AWAY.findall(body)}
        # What the shop's cache does is called so in its traces, whatever is sealed.
        assert named <= ({"fill"} if looked == "traces" else set())


def a_hint(page, table):
    """Asked for until it is one: so soon after the fault it is too early, which is said and costs nothing."""

    def given():
        before = len(table.all(HintGiven))
        page.get_by_role("button", name="A hint").click()
        until(lambda: len(table.all(HintGiven)) > before)
        if table.all(HintGiven)[-1].place == 1:
            return True
        time.sleep(HINT_EVERY_SECONDS)
        return False

    until(given, 60)


def starts(host, day):
    table = day.table
    host.get_by_role("button", name="Come to the table").click()
    until(lambda: table.all(Ready), 120)
    host.wait_for_selector("text=from now on something may be broken", timeout=SEEN_MS)
    host.get_by_role("button", name="Start now").click()
    return table


def look_around(page):
    """Dashboards and traces say something, and nobody has to scroll to the side."""
    page.locator("#boards > summary").click()
    page.wait_for_selector("#panels .panel svg polyline.series", state="attached", timeout=2 * SEEN_MS)
    page.locator("#traces > summary").click()
    page.wait_for_selector(".trace", timeout=4 * SEEN_MS)
    page.wait_for_selector("#chart svg .alert", timeout=2 * SEEN_MS)
    assert fits(page)


def claim(page, component, family, sure):
    page.locator("#component").select_option(component)
    page.locator("#family").select_option(family)
    page.locator("#sure").fill(str(sure))
    page.get_by_role("button", name="Claim").click()


def killed_and_begun_again(day, table, *pages):
    """Pages say that it is gone, lose nothing, and go on by themselves."""
    day.kill_console()
    for page in pages:
        page.wait_for_selector("#link:has-text('does not answer')", timeout=2 * SEEN_MS)
    pages[0].locator("#text").fill("from the dark")
    pages[0].get_by_role("button", name="Write it down").click()
    pages[0].wait_for_selector("#refused:has-text('could not be sent')", timeout=SEEN_MS)
    table.note("Scribe", "while it was away")
    day.begin_console()
    for page in pages:
        page.wait_for_selector("#log >> text=while it was away", timeout=4 * SEEN_MS)
        page.wait_for_selector("#link:empty", state="attached", timeout=SEEN_MS)
        # Each once; others may happen meanwhile.
        until(lambda page=page: page.locator("#log li").count() == len(table.facts))


def test_a_whole_round(day, enter):
    told = []
    urls = day.urls
    host = comes(enter, urls["host"], "Hana", "host", WALL, told)
    table = starts(host, day)
    ann = comes(enter, urls["player"], "Ann", "player", PHONE, told)
    bob = comes(enter, urls["player"], "Bob", "player", PHONE, told)
    for player in (ann, bob):
        player.get_by_role("button", name="Come to the table").click()
        player.wait_for_selector("#pager li.untaken", timeout=ROUND_MS)
    page = next(fact for fact in table.all(Paged) if fact.firing)
    ann.get_by_role("button", name=f"Acknowledge page {page.number}", exact=True).click()
    bob.wait_for_selector(f"#page-{page.number} >> text=Ann has it", timeout=SEEN_MS)
    claim(bob, "shop-1", "network", 30)
    a_hint(ann, table)
    for one in (ann, host):
        look_around(one)
    if os.environ.get(PICTURES):
        # As tall as what people use together: the chart, the pager, claims and actions.
        host.set_viewport_size(PICTURED)
        host.evaluate("scrollTo(0, 0)")
        host.screenshot(path=Path(os.environ[PICTURES]) / "console.png")
        host.set_viewport_size(WALL)
    served, lost = read(told)
    killed_and_begun_again(day, table, ann, bob, host)
    served, lost = ([*before, *after] for before, after in zip((served, lost), read(told), strict=True))
    assert_nothing_told(served, lost, table)
    claim(ann, "shop-2", "process", 90)
    ann.locator("#action").select_option("restart shop-2")
    ann.get_by_role("button", name="Do it").click()
    until(lambda: table.all(Acted), 60)
    assert_told(table, day, ann, bob, host)


def assert_told(table, day, *pages):
    """The debrief in place, with the score that the recording has."""
    day.game.wait(180)
    for page in pages:
        page.wait_for_selector("#truth:has-text('SIGKILL')", timeout=ROUND_MS)
        page.wait_for_selector("#debrief:visible", timeout=ROUND_MS)
        assert page.frame_locator("#debrief").locator("h1").count() == 1
        assert page.locator("#claim:visible").count() == 0
        assert fits(page)
    assert [fact.how for fact in table.all(HoldEnded)] == ["mitigated"]
    assert [fact.who for fact in table.all(Acknowledged)] == ["Ann"]
    assert [fact.component for fact in table.all(Claimed)] == ["shop-1", "shop-2"]
    score = msgspec.json.decode((table.folder / "score.json").read_bytes())
    shown = pages[0].locator("#parts tr td:first-child").all_inner_texts()
    assert shown[: len(score["parts"])] == [part["name"] for part in score["parts"]]
    assert ending.broken_seal(table.folder) == []
    facts = table.facts
    assert isinstance(facts[-1], Revealed)
    for page in pages:
        until(lambda page=page: page.locator("#log li").count() == len(facts))
        assert game_words.line(facts[-1]) in page.locator("#log li").first.inner_text()
    assert re.search(r"round over, mitigated", day.said), day.said
