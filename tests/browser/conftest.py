"""Debian's Chromium by Playwright, and axe-core: `make test-console` has installed all three, here and nowhere else."""

import os
import sys

import pytest

from compose import tools

FOLDER = tools.cache_folder().parents[1] / "browser"
"""Where `tools/setup.sh browser` puts them, so that no user's environment has them."""
sys.path.append(str(FOLDER / "python"))

CHROMIUM = "/usr/bin/chromium"
PHONE, WALL = {"width": 390, "height": 844}, {"width": 1920, "height": 1080}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests; every test has contexts of its own in it."""
    from playwright.sync_api import sync_playwright

    # Chromium's own sandbox does not start as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def enter(chromium):
    """Opens an address as one person's browser; an error in a page's script fails the test."""
    contexts, errors = [], []

    def open_page(url, viewport=WALL, **more):
        contexts.append(chromium.new_context(viewport=viewport, reduced_motion="reduce", **more))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="session")
def axe():
    """Asks axe-core about a page, whose context has to be made with `bypass_csp`; what is serious, in words."""
    script = (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def serious(page):
        page.evaluate(script)
        found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
        assert found["passes"], "it has looked at something"
        return [
            f"{one['id']}: {one['help']}: {node['html'][:200]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]

    return serious


def fits(page):
    """Whether nothing is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


CUT_OFF = """() => [...document.querySelectorAll("#chart svg, .panel svg:not(.sample)")].flatMap((drawn) => {
  const { width, height } = drawn.viewBox.baseVal;
  return [...drawn.querySelectorAll("text")].filter((text) => {
    const box = text.getBBox();
    return box.x < 0 || box.y < 0 || box.x + box.width > width || box.y + box.height > height;
  }).map((text) => text.textContent);
})"""
LETTERS = """() => [...document.querySelectorAll("#chart svg text, .panel svg text")].map((text) => {
  const drawn = text.ownerSVGElement, scale = drawn.getBoundingClientRect().width / drawn.viewBox.baseVal.width;
  return parseFloat(getComputedStyle(text).fontSize) * scale;
})"""
LEAST_PIXELS, LEAST_ON_A_WALL = 11.5, 17.0
"""How high the letters of a drawing are at least: 12 px, and half as much again on a wall."""


def legible(page):
    """What of the words in drawings does not lie within its drawing, and how high the smallest letters are."""
    heights = page.evaluate(LETTERS)
    assert heights, "there are words"
    return page.evaluate(CUT_OFF), min(heights)
