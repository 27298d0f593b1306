"""A whole round in real browsers: a host at a wall's width, two players with phones, a console killed in between."""

import os
import re

import msgspec
import pytest

from chaos.facts import game
from chaos.facts.game import Acknowledged, Acted, Claimed, HintGiven, HoldEnded, Paged, Ready
from chaos.gameday import ending, sealing
from tests.browser.conftest import PHONE, WALL, fits
from tests.browser.day import SECRET, Day
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(600)]

PICTURE = "STORMDRILL_PICTURE"
"""Where `make picture` wants what a player sees in the middle of a round."""
SEEN_MS = 5_000
ROUND_MS = 120_000


@pytest.fixture
def day(stack, tmp_path):
    played = Day(stack, tmp_path)
    yield played
    played.end()


def comes(enter, url, who, role, viewport, told):
    page = enter(url, viewport)
    page.on("response", told.append)
    page.wait_for_selector("#log li", timeout=ROUND_MS)
    page.get_by_label("You are").fill(who)
    page.locator("#as").select_option(role)
    return page


def bodies(told):
    """What was served; of what is no more to be had, as a page has gone on, nothing."""
    for answer in told:
        try:
            yield answer.url, answer.body()
        except Exception:
            continue


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
    page.wait_for_selector("#panels .panel svg polyline.series", timeout=2 * SEEN_MS)
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
    ann.get_by_role("button", name="A hint").click()
    until(lambda: table.all(HintGiven))
    for one in (ann, host):
        look_around(one)
    if os.environ.get(PICTURE):
        host.screenshot(path=os.environ[PICTURE], full_page=True)
    killed_and_begun_again(day, table, ann, bob, host)
    secrets = [SECRET, (seal := sealing.read(table.folder)).salt, str(seal.sealed.seed)]
    served = list(bodies(told))
    assert sealing.is_sealed(table.folder)
    assert len(served) > 50
    assert [(url, secret) for url, body in served for secret in secrets if secret.encode() in body] == []
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
    assert game.read(table.file)[-1] == table.facts[-1]
    assert re.search(r"round over, mitigated", day.said), day.said
