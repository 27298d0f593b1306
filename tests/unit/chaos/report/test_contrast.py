"""That the words of a waterfall can be read: 4.5 to 1, on either ground, in light and in dark."""

import re
from pathlib import Path

import pytest

from chaos import report

STYLE = (Path(report.__file__).parent / "templates" / "style.css").read_text()
LEAST = 4.5
BLOCKS = re.findall(r":root \{([^}]*)\}", STYLE)
LIGHT, DARK = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in BLOCKS)
HUES = dict(re.findall(r"\.hue-(\d) \{ --hue: var\(--[a-z-]+\); --word: var\(--([a-z-]+)\); \}", STYLE))


def luminance(colour):
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_there_are_all_hues():
    assert sorted(HUES) == ["0", "1", "2", "3"]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["card", "grid"])
@pytest.mark.parametrize("hue", sorted(HUES))
def test_a_service_s_name_can_be_read(hue, ground, colours):
    assert contrast(colours[HUES[hue]], colours[ground]) >= LEAST
