"""What the configuration alone explains of an alert's timing; the rest is the system's own doing. Pure."""

import math

from chaos.facts.alerts import Timing


def detection_seconds(timing: Timing) -> float:
    """At most this long from a plainly visible fault to the condition true: scrape, evaluation, window."""
    return timing.scrape_seconds + timing.evaluation_seconds + timing.window_seconds


def delivery_seconds(timing: Timing) -> float:
    """From the condition true to the first page of a group: `for`, rounded up to an evaluation, and the group wait.

    A ruler that does not say how often it evaluates says 0: nothing is rounded then.
    """
    step = timing.evaluation_seconds
    held = math.ceil(timing.for_seconds / step) * step if step else timing.for_seconds
    return held + timing.group_wait_seconds


def resolution_seconds(timing: Timing) -> float:
    """At most this long from the fault's end to the resolved message.

    As for detection, then as long as it is kept firing, and a group interval.
    """
    return detection_seconds(timing) + timing.keep_firing_for_seconds + timing.group_interval_seconds
