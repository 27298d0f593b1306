"""A run's report in Chromium, offline: readable on a phone and a wall, light and dark; README's two pictures."""

import os
from pathlib import Path

import pytest

from tests.browser.conftest import PHONE, WALL, fits

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PICTURES = "STORMDRILL_PICTURES"
"""The folder that `make picture` has its pictures written to."""
PICTURED = {"width": 1200, "height": 760}


@pytest.fixture(scope="module")
def report(stack):
    """The address of the report of a run that held."""
    code, said = stack.command("run", "kill-instance")
    assert code == 0, said
    return (Path(stack.environment["STORMDRILL_RUNS"]) / "latest" / "report.html").resolve().as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, WALL], ids=["phone", "wall"])
def test_a_report_is_readable_without_a_network(report, enter, axe, viewport, scheme):
    page = enter(report, viewport, bypass_csp=True, color_scheme=scheme, offline=True)
    assert page.locator("h1").inner_text() == "Killing one of three shop instances is absorbed"
    for each in page.locator("details > summary").all():
        each.click()
    assert fits(page)
    assert axe(page) == []


def test_readme_shows_a_report(report, enter):
    page = enter(report, PICTURED)
    timeline = page.locator("h2:has-text('What happened when') + .wide")
    for words in ("ShopInstanceDown", "shop-2"):
        assert words in timeline.inner_text()
    if os.environ.get(PICTURES):
        folder = Path(os.environ[PICTURES])
        page.screenshot(path=folder / "report.png")
        timeline.screenshot(path=folder / "timeline.png")
