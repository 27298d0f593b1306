"""Minutes where they are minutes."""

import pytest

from chaos.report import durations


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "5 s"),
        (42.857, "42.9 s"),
        (99.9, "99.9 s"),
        (100, "1 min 40 s"),
        (252, "4 min 12 s"),
        (300, "5 min"),
        (1620, "27 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (-290, "-4 min 50 s"),
    ],
)
def test_as_one_says_it(seconds, words):
    assert durations.spoken(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3.214, "3.21 s"), (99, "99.00 s"), (192.6, "3 min 13 s"), (625, "10 min 25 s"), (-3.2, "-3.20 s")],
)
def test_hundredths_where_they_say_something(seconds, words):
    assert durations.measured(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(5.14, "5.1 s"), (599.9, "599.9 s"), (754, "12:34 m"), (7500, "2:05 h")]
)
def test_in_a_column(seconds, words):
    assert durations.clock(seconds) == words
