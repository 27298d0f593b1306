"""What the configuration alone explains, in seconds."""

import pytest

from chaos.facts.alerts import Timing
from chaos.judge import design_delay


@pytest.mark.parametrize(
    ("timing", "detection", "delivery", "resolution"),
    [
        (Timing(1, 1, 0, 1, 0.5, 5), 2, 1.5, 7),
        (Timing(1, 1, 5, 0, 0.5, 5), 7, 0.5, 12),
        # `for` is looked at once an evaluation.
        (Timing(15, 15, 0, 20, 30, 300), 30, 60, 330),
        # Who evaluates does not say how often.
        (Timing(15, 0, 0, 20, 30, 300), 15, 50, 315),
        (Timing(1, 1, 0, 1, 0.5, 5, keep_firing_for_seconds=5), 2, 1.5, 12),
    ],
)
def test_each_part_of_the_configuration_counts_once(timing, detection, delivery, resolution):
    assert design_delay.detection_seconds(timing) == detection
    assert design_delay.delivery_seconds(timing) == delivery
    assert design_delay.resolution_seconds(timing) == resolution
