"""The page of claims is one file that opens offline, escapes what it is told, and draws what was measured."""

import re
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.judge.claims.judge import judge
from chaos.judge.claims.table import READERS
from chaos.report.claims import comparison, page, picture, terminal, words
from chaos.verdict.claims import (
    Bars,
    ClaimEndedEarly,
    ClaimFactsLost,
    ClaimsVerdict,
    ClientFull,
    ClientLate,
    LimitTooLow,
    LimitUnknown,
    Line,
    MachineBusy,
    MachineUnseen,
    Measure,
    Picture,
)
from tests.unit.chaos.claims.made_up import recording
from tests.unit.chaos.judge.test_claims_small import pooling_facts, smaller_facts, waits_facts

SVG = "{http://www.w3.org/2000/svg}"
EVIL = '"><script>alert(1)</script>'
FACTS = {"smaller": smaller_facts, "waits": waits_facts, "pooling": pooling_facts}


@pytest.fixture(scope="module")
def verdict():
    judged = [judge(name, recording(name, *facts()), READERS[name]) for name, facts in FACTS.items()]
    return ClaimsVerdict("20261130-120000-claims", judged)


def test_it_needs_nothing_else_and_draws_every_claim(verdict):
    text = page.render(verdict, "make claims")
    assert not re.search(r"<(?:script|link|img|iframe)\b|@import|url\(|\bsrc=", text)
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == sum(len(claim.pictures) for claim in verdict.claims) >= 5
    for drawing in drawings:
        assert ElementTree.fromstring(drawing).findall(f".//{SVG}rect"), "nothing is drawn"


def test_a_picture_is_a_file_of_its_own_too(verdict):
    for one in [one for claim in verdict.claims for one in claim.pictures]:
        drawing = ElementTree.fromstring(page.svg(one))
        assert drawing.tag == f"{SVG}svg"
        assert len(drawing.findall(f".//{SVG}rect")) == len(picture.of(one).blocks) + len(one.of_bars)


def test_what_it_is_told_is_escaped(verdict):
    evil = msgspec.structs.replace(verdict.claims[0], notes=[EVIL], findings=[ClaimEndedEarly(EVIL, EVIL)], title=EVIL)
    assert EVIL not in page.render(ClaimsVerdict("one", [evil]), EVIL)


def test_the_terminal_says_what_was_seen_and_wanted(verdict):
    text = "\n".join(terminal.of_claim(claim) for claim in verdict.claims)
    assert "gzip saves: 0.875, wanted >= 0.7" in text
    assert text.count("verdict: held") == 3
    assert terminal.table(verdict).count("held") == 3


@pytest.mark.parametrize(
    ("finding", "says"),
    [
        (LimitTooLow("open_files", 20000, 100000, "`ulimit -Hn 1048576`"), "open_files is 20,000.*100,000.*ulimit"),
        (LimitUnknown("cores"), "cores"),
        (MachineBusy(1.2, 0.5), "1.20 cores.*end what else runs"),
        (MachineUnseen(), "nobody looked"),
        (ClientLate("reads[0]", None, 0.02), "never looked at"),
        (ClientLate("reads[0]", 0.1, 0.02), "100.0 ms late.*20 ms.*reads"),
        (ClientFull("reads[0]", 0.95, 0.9), "95% of a core"),
        (ClientLate("reads[0]", 0.1, 0.02, 7), "reads.*in 7 more stages"),
        (ClaimFactsLost(["load"]), "load"),
        (ClaimEndedEarly("interrupted", "signal 2"), "interrupted: signal 2"),
    ],
)
def test_a_finding_says_what_to_do(finding, says):
    assert re.search(says, words.of_finding(finding))


def test_a_comparison_marks_what_does_not_overlap(verdict):
    claim = verdict.claims[0]
    moved = [msgspec.structs.replace(one, value=9e9, low=9e9, high=9e9) for one in claim.measures[:1]]
    now = ClaimsVerdict("now", [msgspec.structs.replace(claim, measures=[*moved, *claim.measures[1:]])])
    rows = comparison.rows(verdict, now)
    assert [row.what for row in rows if row.differs] == [claim.measures[0].name]
    assert len(rows) == 1 + len(claim.measures)
    assert "≠" in "\n".join(comparison.lines(verdict, now))
    assert page.render(now, "make claims", verdict).count("differs") == 1


numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)
lines = st.lists(st.builds(Line, st.just("a"), st.lists(st.tuples(numbers, numbers), max_size=5)), max_size=3)


@given(lines, st.booleans(), st.booleans(), st.none() | st.floats(0.1, 100))
def test_whatever_is_drawn_lies_within_the_drawing(given_lines, log_x, log_y, bound):
    drawn = picture.of(Picture(title="", y="", lines=given_lines, log_x=log_x, log_y=log_y, bound=bound))
    for dot in drawn.dots:
        assert picture.LEFT - 0.1 <= dot.x <= picture.WIDTH
        assert 0 <= dot.y <= picture.HEIGHT - picture.BOTTOM + 0.1


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=6), st.booleans())
def test_higher_is_higher(heights, log):
    bars = [Bars(str(place), [height]) for place, height in enumerate(heights)]
    blocks = picture.of(Picture(title="", y="", bars=bars, of_bars=["one"], log_y=log)).blocks
    shown = [height for height in heights if height > 1e-30 or not log]
    assert len(blocks) == len(shown)
    for (one, block), (other, beside) in zip(
        sorted(zip(shown, blocks, strict=True), key=lambda pair: pair[0])[:-1],
        sorted(zip(shown, blocks, strict=True), key=lambda pair: pair[0])[1:],
        strict=True,
    ):
        assert one <= other
        assert block.height <= beside.height + 1e-6


def test_a_number_is_told_with_its_interval():
    assert words.of_measure(Measure("one", 2.0, 1.5, 2.51, "µs")) == "2 (1.5 to 2.51) µs"
    assert words.of_measure(Measure.exact("one", 1234.5)) == "1,234"
