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
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from chaos.facts.panels import PanelHistory, PanelsAsked, PanelSeries
from chaos.facts.recording import Recording
from chaos.judge import in_place
from chaos.judge.window import Window
from chaos.verdict.result_finding import (
    Incomparable,
    LineAppeared,
    LineBecame,
    LineMoved,
    LineVanished,
    PanelFinding,
    PanelIncomparable,
    PanelUnread,
)
from chaos.verdict.results import PanelResult

_Change: TypeAlias = LineMoved | LineBecame | LineAppeared | LineVanished

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


def _expected(history: PanelHistory, fault: str, nothing_broken: bool) -> bool | None:
    if nothing_broken:
        # Whatever some fault must move has to stand still while there is none.
        return False if history.moves_with else None
    return True if fault in history.moves_with else None


def _judge(history: PanelHistory, expected: bool | None, window_seconds: float, span: Window) -> PanelResult:
    # A few numbers are no proof that a fault is seen, but enough to say that not all stood still.
    fewest = FEWEST_STEPS if expected else 1
    change = _movement(history, window_seconds, span, fewest, every_step=expected is False)
    if isinstance(change, PanelUnread | PanelIncomparable):
        return PanelResult(history.dashboard, history.panel, expected, None, "", None, change)
    widths = None if math.isinf(_widths(change)) else _widths(change)
    return PanelResult(history.dashboard, history.panel, expected, _widths(change) > 1, change.line, widths, change)


def _movement(
    history: PanelHistory, window_seconds: float, span: Window, fewest: int, *, every_step: bool
) -> PanelFinding:
    if history.error is not None:
        return PanelUnread(history.error)
    if span.baseline is None or span.injected is None or span.undone is None:
        return PanelIncomparable(Incomparable.NO_PHASES)
    settled = _settled(history)
    # What appears only under the fault has nothing to settle before it.
    start = max(span.baseline, settled) if settled < span.injected else span.baseline
    before = _steps(history, start, span.injected)
    during = _steps(history, span.injected + window_seconds, span.undone)
    if min(len(before), len(during)) < FEWEST_STEPS:
        return PanelIncomparable(Incomparable.TOO_SHORT)
    changes = [
        change
        for series in history.series
        if (change := _change(series, _numbers(series, before), _numbers(series, during), fewest, every_step))
    ]
    return max(changes, key=_widths) if changes else PanelIncomparable(Incomparable.NO_NUMBERS)


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
    series: PanelSeries, before: Sequence[float], during: Sequence[float], fewest: int, every_step: bool
) -> _Change | None:
    """What became of a line; None: too few numbers."""
    if not before and not during:
        return None
    if 0 < len(before) < fewest or 0 < len(during) < fewest:
        return None
    if not before:
        return LineAppeared(_name(series), during[-1])
    low, high = min(before), max(before)
    stays = STAYS_WIDTHS * (high - low)
    if not during:
        return LineVanished(_name(series), low, high)
    mean = math.fsum(during) / len(during)
    if low == high:
        other = [value for value in during if value != low]
        return LineBecame(_name(series), low, other[-1] if other else None)
    beyond = max(low - mean, mean - high, 0.0) / (high - low)
    if every_step and not all(value < low - stays or value > high + stays for value in during):
        beyond = 0.0
    return LineMoved(_name(series), low, high, mean, beyond)


def _widths(change: _Change) -> float:
    """How far a line went outside its baseline, in widths of that one's range."""
    match change:
        case LineMoved():
            return change.widths
        case LineBecame(now=None):
            return 0.0
    return math.inf


def _name(series: PanelSeries) -> str:
    labels = {name: value for name, value in series.labels.items() if name != "__name__"}
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "the line"
