"""Every view at a phone's width and at a wall's: axe-core finds nothing serious, nothing is wider than the window."""

import time

import msgspec
import pytest

from chaos.console import process
from chaos.facts.files import FACTS_FILE
from chaos.facts.game import GAME_FILE, ROLES, Paged, Revealed, append
from tests.browser import keyboard
from tests.browser.conftest import LEAST_ON_A_WALL, LEAST_PIXELS, PHONE, WALL, fits, legible
from tests.browser.stand_in import Served
from tests.ports import free_port
from tests.unit import recordings
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import SECRET_WORD, TOKENS, sealed_round
from tests.unit.chaos.console.test_looks import RECORDED

DEBRIEF = "<!doctype html><html lang='en'><title>Debrief</title><main><h1>The debrief</h1></main></html>"
BOOK = "# Down\n\n## Meaning\nAn instance is down."
LONG = "HAProxyServerDown{component=haproxy, instance=haproxy, proxy=shop, server=shop-2, severity=warning}"
"""More than a phone has room for in one line."""
SINCE_SECONDS = 10.0
"""So long ago a round that is played began: what was seen of it is recent."""
WIDTHS = pytest.mark.parametrize("viewport", [PHONE, WALL], ids=["phone", "wall"])


@pytest.fixture
def place(tmp_path):
    """A made-up round, and the console of it with a stand-in for its stack: its folder, settings and seal's folder."""
    books = tmp_path / "books"
    books.mkdir()
    (books / "Down.md").write_text(BOOK)
    began, folder = time.monotonic() - SINCE_SECONDS, tmp_path / "one"
    with (
        Served(tmp_path, SECRET_WORD, free_port(), began) as served,
        sealed_round(folder, origin=began) as (_, private),
    ):
        target = str(served.stack.target)
        given = msgspec.structs.replace(
            rounds.settings(tmp_path / "one", TOKENS, books, target=target), port=free_port()
        )
        begun = process.start(given, tmp_path / ".console" / "one.json")
        yield tmp_path / "one", dict(given.urls("127.0.0.1")), private
        begun.end()


def open_all(page):
    """Dashboards and traces, and a trace's steps."""
    for part in ("boards", "traces"):
        page.locator(f"#{part} > summary").click()
    page.wait_for_selector("#panels .panel svg polyline.series", state="attached")
    page.locator(".trace > summary").first.click()
    page.locator(".span-row > summary").first.click()


@WIDTHS
@pytest.mark.parametrize("role", ROLES)
def test_a_round_that_is_played(place, enter, axe, role, viewport):
    folder, urls, _ = place
    append(folder / GAME_FILE, Paged(0, 9.5, "pager", True, [LONG], "A server is out", "", 9.5))
    page = enter(urls[role], viewport, bypass_csp=True)
    page.wait_for_selector("#page-5")
    open_all(page)
    page.locator("#in-words > summary").click()
    assert axe(page) == []
    assert fits(page)
    cut_off, least = legible(page)
    assert cut_off == []
    assert least >= (LEAST_ON_A_WALL if viewport is WALL else LEAST_PIXELS)


@WIDTHS
def test_a_runbook_and_a_refusal(place, enter, axe, viewport):
    _, urls, _ = place
    page = enter(urls["player"], viewport, bypass_csp=True)
    page.get_by_role("button", name="Acknowledge page 3").click()
    page.wait_for_selector("#refused:has-text('who are you')")
    keyboard.write(page, page.get_by_label("You are"), "Ann")
    page.get_by_role("button", name="Runbook of page 3").click()
    page.wait_for_selector("dialog[open] >> text=An instance is down.")
    assert axe(page) == []
    assert fits(page)


@WIDTHS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_round_that_is_over(tmp_path, enter, axe, viewport, scheme):
    folder = tmp_path / "one"
    with sealed_round(folder) as (_, private):
        (private / FACTS_FILE).write_bytes(b"".join(msgspec.json.encode(fact) + b"\n" for fact in RECORDED))
    append(folder / GAME_FILE, Revealed(0, 20.0))
    (folder / "debrief.html").write_text(DEBRIEF)
    given = msgspec.structs.replace(rounds.settings(folder, TOKENS), port=free_port())
    begun = process.start(given, tmp_path / ".console" / "one.json")
    try:
        page = enter(dict(given.urls("127.0.0.1"))["player"], viewport, bypass_csp=True, color_scheme=scheme)
        page.wait_for_selector("#debrief:visible")
        page.wait_for_selector(f"#truth:has-text('{SECRET_WORD}')")
        open_all(page)
        assert page.get_by_role("button", name="Claim").count() == 0
        assert axe(page) == []
        assert fits(page)
    finally:
        begun.end()


@WIDTHS
def test_no_round_yet(tmp_path, enter, axe, viewport):
    given = msgspec.structs.replace(rounds.settings(tmp_path, TOKENS), follows=True, port=free_port())
    begun = process.start(given, tmp_path / ".console" / "one.json")
    try:
        page = enter(dict(given.urls("127.0.0.1"))["host"], viewport, bypass_csp=True)
        page.wait_for_selector("text=no round yet")
        assert axe(page) == []
        assert fits(page)
    finally:
        begun.end()


@WIDTHS
def test_a_run_that_is_no_round(tmp_path, enter, axe, viewport):
    folder = tmp_path / "20261130-101500-kill-instance"
    folder.mkdir()
    lines = [msgspec.json.encode(fact) for fact in recordings.facts()]
    (folder / FACTS_FILE).write_bytes(b"\n".join(lines) + b"\n")
    given = msgspec.structs.replace(rounds.settings(folder, TOKENS), port=free_port())
    begun = process.start(given, tmp_path / ".console" / "one.json")
    try:
        page = enter(dict(given.urls("127.0.0.1"))["host"], viewport, bypass_csp=True)
        page.wait_for_selector("#pager li")
        assert page.locator("h1").inner_text() == folder.name
        assert page.locator("#pager li").count() == 1, "heartbeats are no pages"
        assert page.locator("#calls:visible, #claim:visible, #who:visible").count() == 0
        assert "nobody" not in page.locator("#pager").inner_text()
        assert "claims" not in page.locator("#chart").inner_text()
        assert axe(page) == []
        assert fits(page)
    finally:
        begun.end()
