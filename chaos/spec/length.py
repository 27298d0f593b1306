"""How long a run may take, and about how long it takes; known before it begins."""

from chaos.spec.experiment import Experiment
from chaos.spec.pace import BEYOND_DESIGN_BEATS, Pace

BASELINES = 3
"""So often it is watched at most: a load that stumbles shows nothing of the system, and nothing is broken yet."""
_BESIDE_SECONDS = 10.0
"""What a run takes for its processes, its load and its questions, whatever its pace."""
_MOST_BESIDE_SECONDS = 220.0
"""At most: an unwell stack, a past to be cleaned, a load that starts slowly, undos proven late, reading back."""
_READ_BACK_SHARE = 0.2
"""Of what it lasted, at most, the reading back of its orders and sessions takes: twelve a second, 15 ms each."""
_RESOLVES_BY = 0.6
"""The share of their windows in which alerts are told to be over, as a rule."""


def about(experiment: Experiment, pace: Pace) -> float:
    """Seconds from a run's start to its end, as a rule; the experiment is as it is held, at this pace."""
    resolved = max((one.resolves_within.in_seconds for one in experiment.alerts), default=0.0)
    after = max(_RESOLVES_BY * resolved, pace.settled_seconds)
    return _BESIDE_SECONDS + pace.baseline_seconds + pace.beat + experiment.fault.for_.in_seconds + after


def longest(experiment: Experiment, pace: Pace) -> float:
    """Seconds after which a run has ended, or hangs: all that it waits for, to the end of its patience."""
    # It waits for rules to be evaluated, targets to be scraped, and alerts to be calm, in each baseline.
    calm = pace.calm_seconds * (2 + 2 * (BASELINES + 1))
    baselines = (BASELINES + 1) * pace.baseline_seconds
    watched = calm + baselines + experiment.fault.for_.in_seconds + _recovery(experiment, pace)
    return _MOST_BESIDE_SECONDS + (1 + _READ_BACK_SHARE) * watched


def recovery(experiment: Experiment, pace: Pace) -> float:
    """Seconds from the undo in which all that the experiment says has to be seen, and may still be."""
    held = experiment.fault.for_.in_seconds
    windows = [one.resolves_within.in_seconds for one in experiment.alerts]
    # What could not be told while the fault lasted may be delivered after it.
    windows += [one.fires_within.in_seconds - held for one in experiment.alerts]
    return max([experiment.recover_within.in_seconds + pace.settled_seconds, *windows]) + pace.look


def _recovery(experiment: Experiment, pace: Pace) -> float:
    # Of what may fire and of what is late its own rule says how long it is waited for: not longer than a listed one.
    windows = [one.fires_within + one.resolves_within for one in experiment.alerts]
    listed = max((one.total_seconds() for one in windows), default=0.0)
    return max(recovery(experiment, pace), listed) + pace.owed_seconds + pace.seconds(BEYOND_DESIGN_BEATS)
