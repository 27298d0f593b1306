"""What the users read in an answer, and what they do not find there."""

import pytest

from chaos.load.body import max_age


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("session=abc; HttpOnly; Max-Age=1800; Path=/; SameSite=lax", 1800.0),
        ("session=abc; max-age = 60", 60.0),
        ("session=max-age=5; Path=/", None),
        ("session=abc; Max-Age=soon", None),
        ("session=abc", None),
        (None, None),
    ],
)
def test_how_long_a_cookie_is_good(header, seconds):
    assert max_age(header) == seconds
