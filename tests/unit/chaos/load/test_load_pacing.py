"""A user's slots lie on a grid, whatever happens in between."""

import pytest

from chaos.load.pacing import Slots


def test_slots_come_at_the_first_and_every_interval_after_it():
    slots = Slots(100.0, 2.5)
    assert slots.wait_seconds(99.0) == pytest.approx(1.0)
    assert slots.wait_seconds(100.1) == pytest.approx(2.4)
    assert slots.wait_seconds(104.0) == pytest.approx(1.0)


def test_a_late_user_sends_at_once_and_is_back_on_the_grid():
    slots = Slots(0.0, 2.5)
    slots.wait_seconds(0.0)
    assert slots.wait_seconds(2.7) == 0.0
    assert slots.wait_seconds(2.7) == pytest.approx(2.3)


def test_missed_slots_are_left_out_not_sent_in_a_burst():
    slots = Slots(0.0, 2.5)
    slots.wait_seconds(0.0)
    assert slots.wait_seconds(30.1) == 0.0
    assert slots.wait_seconds(30.1) == pytest.approx(2.4)
