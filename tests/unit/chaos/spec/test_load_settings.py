"""The numbers of a load: only those with which the rate can be held."""

from datetime import timedelta

import pytest

from chaos.spec.load import LoadSettings


def test_users_are_rate_times_pacing():
    assert LoadSettings().users == 125
    assert LoadSettings().user_interval_seconds == 2.5


def test_a_rate_that_needs_part_of_a_user_is_held_exactly_by_a_longer_interval():
    settings = LoadSettings(rate_per_second=33.3)
    assert settings.users == 84
    assert settings.users / settings.user_interval_seconds == pytest.approx(33.3)
    assert settings.user_interval_seconds >= settings.pacing.total_seconds()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"timeout": timedelta(seconds=2.5)}, "timeout"),
        ({"timeout": timedelta()}, "timeout"),
        ({"pacing": timedelta()}, "pacing"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"drain": timedelta(seconds=-1)}, "drain"),
        ({"max_duration": timedelta()}, "max_duration"),
    ],
)
def test_numbers_that_cannot_hold_the_rate_are_refused_by_name(wrong, said):
    with pytest.raises(ValueError, match=f"^{said}: "):
        LoadSettings(**wrong)


def test_settings_survive_the_recording():
    settings = LoadSettings(20, timedelta(seconds=3), timedelta(seconds=1), timedelta(), timedelta(seconds=9))
    assert LoadSettings.from_fact(settings.as_fact()) == settings
