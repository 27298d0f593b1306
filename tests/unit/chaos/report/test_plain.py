"""What a terminal would obey is shown, and what would begin another line stays in this one."""

import pytest

from chaos.report import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it is <b>slow</b>, naïve 日本 ✓", "it is <b>slow</b>, naïve 日本 ✓"),
        ("\x1b[2Jgone", "\ufffd[2Jgone"),
        ("one\ntwo\r\nthree\tfour", "one two  three four"),
        ("\x9b1A\x07\u202eback\u200b", "\ufffd1A\ufffd\ufffdback\ufffd"),
        ("\x85\u2028\x1c", "   "),
        ("", ""),
    ],
)
def test_one_line_of_what_can_be_seen(text, shown):
    assert plain.line(text) == shown
    assert plain.line(text).isprintable()
