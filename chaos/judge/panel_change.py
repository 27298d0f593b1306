"""Judges the dashboards: which panels showed the fault, which should have, and which moved with nothing broken.

A panel moved when a line of it did. A line moved when its mean during the fault lies outside the range that it had in
the baseline by more than that range's width; one that stood still moved when it has any other value; and one that
appeared or vanished moved. "During" begins one rate window after the injection, when a rate looks at nothing older, and
ends when the undo begins.

With nothing broken the injection is but a name, so that all the time in which users came at their rate can be compared,
its second half with its first; and a line has to stay outside at every step. Of a line that only swings, as a rate of
few events does, the mean is outside six steps of baseline once in twenty times; outside sixteen, and at every step,
once in ten thousand.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from chaos.facts.panels import PanelHistory, PanelsAsked, PanelSeries
from chaos.facts.recording import Recording
from chaos.judge import in_place
from chaos.judge.window import Window
from chaos.verdict.verdict import PanelResult

SETTLED_STEPS = 2
"""A Prometheus that was restarted on a clean past does not scrape all at once: what it shows first is partial."""
STAYS_WIDTHS = 0.25
"""With nothing broken, every step of a line that moved is so far outside, in widths of its range."""
FEWEST_STEPS = 3
"""A range or a mean of fewer values says nothing."""


def judge(recording: Recording, span: Window) -> list[PanelResult]:
    """One result for each panel of the recording, in its order; none where no dashboard was asked."""
    asked = recording.first(PanelsAsked)
    if asked is None:
        return []
    nothing_broken = in_place.nothing_broken(recording)
    span = replace(span, undone=span.undoing)
    if nothing_broken and span.baseline is not None and span.undone is not None:
        # Before that, rates look back on users who were still arriving.
        start = span.baseline + asked.window_seconds
        span = replace(span, baseline=start, injected=(start + span.undone) / 2)
    return [
        _judge(history, _expected(history, asked.fault, nothing_broken), asked.window_seconds, span)
        for history in recording.all(PanelHistory)
    ]


def failures(results: Iterable[PanelResult]) -> list[str]:
    """One line for each panel that should have moved and did not, or moved and should not have."""
    return [
        f"panel {one.dashboard} / {one.panel} "
        + (f"did not move: {one.reason}" if one.expected else f"moved with nothing broken: {one.reason}")
        for one in results
        if one.expected is not None and one.moved is not None and one.moved is not one.expected
    ]


def missing(results: Iterable[PanelResult]) -> list[str]:
    """One line for each panel about which something was claimed and that could not be judged."""
    return [
        f"panel {one.dashboard} / {one.panel}: {one.reason}"
        for one in results
        if one.expected is not None and one.moved is None
    ]


def _expected(history: PanelHistory, fault: str, nothing_broken: bool) -> bool | None:
    if nothing_broken:
        # Whatever some fault must move has to stand still while there is none.
        return False if history.moves_with else None
    return True if fault in history.moves_with else None


def _judge(history: PanelHistory, expected: bool | None, window_seconds: float, span: Window) -> PanelResult:
    # A few numbers are no proof that a fault is seen, but enough to say that not all stood still.
    fewest = FEWEST_STEPS if expected else 1
    moved, line, reason, widths = _movement(history, window_seconds, span, fewest, every_step=expected is False)
    return PanelResult(history.dashboard, history.panel, expected, moved, line, reason, widths)


def _movement(
    history: PanelHistory, window_seconds: float, span: Window, fewest: int, *, every_step: bool
) -> tuple[bool | None, str, str, float | None]:
    if history.error is not None:
        return None, "", history.error, None
    if span.baseline is None or span.injected is None or span.undone is None:
        return None, "", "the run has no baseline, fault and undo to compare", None
    settled = _settled(history)
    # What appears only under the fault has nothing to settle before it.
    start = max(span.baseline, settled) if settled < span.injected else span.baseline
    before = _steps(history, start, span.injected)
    during = _steps(history, span.injected + window_seconds, span.undone)
    if min(len(before), len(during)) < FEWEST_STEPS:
        return None, "", "the phases are too short to compare", None
    changes = [
        (change, _name(series))
        for series in history.series
        if (change := _change(_numbers(series, before), _numbers(series, during), fewest, every_step)) is not None
    ]
    if not changes:
        return None, "", "it shows no number, or too few, before and during the fault", None
    (widths, reason), line = max(changes, key=lambda one: one[0][0])
    return widths > 1, line, f"{line}: {reason}", None if math.isinf(widths) else widths


def _settled(history: PanelHistory) -> float:
    """When the panel showed a number for the first time, and SETTLED_STEPS more."""
    firsts = [index for series in history.series for index, value in enumerate(series.values) if value is not None]
    return (min(firsts) + SETTLED_STEPS) * history.step_seconds if firsts else 0.0


def _steps(history: PanelHistory, start: float, end: float) -> range:
    step = history.step_seconds
    return range(math.ceil(start / step), math.floor(end / step) + 1)


def _numbers(series: PanelSeries, steps: range) -> list[float]:
    within = series.values[steps.start : steps.stop]
    return [value for value in within if value is not None]


def _change(
    before: Sequence[float], during: Sequence[float], fewest: int, every_step: bool
) -> tuple[float, str] | None:
    """How far a line went outside its baseline, in widths of that one's range, and in words; None: too few numbers."""
    if not before and not during:
        return None
    if 0 < len(before) < fewest or 0 < len(during) < fewest:
        return None
    if not before:
        return math.inf, f"appeared, {during[-1]:.4g}"
    low, high = min(before), max(before)
    stays = STAYS_WIDTHS * (high - low)
    was = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    if not during:
        return math.inf, f"was {was}, vanished"
    mean = math.fsum(during) / len(during)
    if low == high:
        other = [value for value in during if value != low]
        return (math.inf, f"was {was}, became {other[-1]:.4g}") if other else (0.0, f"stayed {was}")
    beyond = max(low - mean, mean - high, 0.0) / (high - low)
    if every_step and not all(value < low - stays or value > high + stays for value in during):
        beyond = 0.0
    return beyond, f"was {was}, then {mean:.4g} on average, {beyond:.2f} widths outside"


def _name(series: PanelSeries) -> str:
    labels = {name: value for name, value in series.labels.items() if name != "__name__"}
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "the line"
