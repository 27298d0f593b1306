"""Places a timeline on a drawing area: from seconds to coordinates. Pure; the templates draw it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chaos.judge.measures import Second
from chaos.report import durations
from chaos.report.timeline import Lane, Stretch, Timeline

GUTTER, WIDTH, MARGIN = 190, 900, 14
"""Widths in units of the drawing: names at the left, the time axis, a rest at the right."""
_CHART_HEIGHT = 84
_ERRORS_HEIGHT = 46
_LANE_HEIGHT = 34
_THIN_LANE_HEIGHT = 18
_GAP = 26
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MOST_TICKS = 14
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A line of the grid and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart; `paths` are its unbroken parts."""

    name: str
    paths: list[str]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart or one block of a lane."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """A mark in a lane."""

    x: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """A chart or a lane, from `y` downwards."""

    name: str
    note: str
    y: float
    height: float
    ticks: list[AxisTick]
    lines: list[ChartLine]
    bars: list[Bar]
    points: list[Point]
    windows: list[Bar]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it."""

    height: float
    ticks: list[AxisTick]
    """Of the time axis, in seconds since the injection, or since the run's start where there was none."""
    fault: tuple[float, float] | None
    """Where the fault window begins, and how wide it is."""
    bands: list[Band]


def of(timeline: Timeline) -> Drawing:
    """The drawing of a timeline."""
    place = _Place(timeline)
    bands = [
        place.stretches("phases", "", 20, timeline.phases, "phase"),
        place.chart("requests", "sent a second", _CHART_HEIGHT, _linear(timeline.rate * 1.2, timeline.seconds)),
        place.errors(),
        place.latency(),
        *(place.lane(lane, _LANE_HEIGHT) for lane in timeline.alerts),
        *(place.lane(lane, _THIN_LANE_HEIGHT) for lane in (*timeline.processes, *timeline.servers)),
    ]
    return Drawing(place.y + 8, place.time_ticks(), place.fault(), bands)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How a chart's values become heights, from 0 at the bottom to 1 at the top."""

    share: Callable[[float], float]
    ticks: list[tuple[float, str]]


class _Place:
    """Puts one band below the other."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.y = 22.0

    def x(self, at: float) -> float:
        """Where a moment is on the time axis; what is outside is at its edge."""
        line = self._timeline
        share = (at - line.start) / (line.end - line.start)
        return round(GUTTER + WIDTH * min(max(share, 0.0), 1.0), 1)

    def fault(self) -> tuple[float, float] | None:
        """The fault window; one that was never undone lasts to the end."""
        injected, undone = self._timeline.injected, self._timeline.undone
        if injected is None:
            return None
        x = self.x(injected)
        return x, max(self.x(undone if undone is not None else self._timeline.end) - x, 1.0)

    def time_ticks(self) -> list[AxisTick]:
        """Whole numbers of seconds from the injection, or of minutes in a long run."""
        line = self._timeline
        zero = line.injected if line.injected is not None else 0.0
        step = next((one for one in _TICKS if (line.end - line.start) / one <= _MOST_TICKS), _TICKS[-1])
        first = math.ceil((line.start - zero) / step)
        last = math.floor((line.end - zero) / step)
        return [AxisTick(self.x(zero + number * step), _tick(number * step, step)) for number in range(first, last + 1)]

    def chart(self, name: str, note: str, height: float, scale: "_Scale") -> Band:
        """Requests a second as a line."""
        y = self._next(height)
        sent = [[(one.second + 0.5, float(one.sent)) for one in self._timeline.seconds]]
        return Band(name, note, y, height, _ticks(scale, y, height), [self._line("sent", sent, y, height, scale)],
                    [], [], [])  # fmt: skip

    def errors(self) -> Band:
        """Failed requests a second as bars."""
        y, height = self._next(_ERRORS_HEIGHT), float(_ERRORS_HEIGHT)
        failed = [one for one in self._timeline.seconds if one.failed]
        top = max([one.failed for one in failed], default=1)
        width = max(self.x(self._timeline.start + 1.0) - self.x(self._timeline.start) - 1.0, 1.0)
        bars = []
        for one in failed:
            high = round(height * one.failed / top, 1)
            text = f"{one.failed} of {one.sent} failed"
            bars.append(Bar(self.x(one.second), y + height - high, width, high, "failed", text))
        ticks = [AxisTick(y, str(top)), AxisTick(y + height, "0")]
        return Band("failed", "requests a second", y, height, ticks, [], bars, [], [])

    def latency(self) -> Band:
        """Median and 99th percentile of each second, on a logarithmic scale."""
        y, height = self._next(_CHART_HEIGHT), float(_CHART_HEIGHT)
        scale = _logarithmic(self._timeline.seconds)
        parts = _unbroken(self._timeline.seconds)
        medians = [[(one.second + 0.5, one.p50_seconds) for one in part] for part in parts]
        slowest = [[(one.second + 0.5, one.p99_seconds) for one in part] for part in parts]
        lines = [self._line("p50", medians, y, height, scale), self._line("p99", slowest, y, height, scale)]
        return Band("latency", "p50 and p99 of a second", y, height, _ticks(scale, y, height), lines, [], [], [])

    def lane(self, lane: Lane, height: float) -> Band:
        """States over time, with marks and windows."""
        band = self.stretches(lane.name, lane.detail, height, lane.stretches, "state", gap=4)
        points = [Point(self.x(one.at), f"{one.kind}{' late' if one.late else ''}", self._said(one.kind, one.at))
                  for one in lane.marks]  # fmt: skip
        windows = []
        for one in lane.windows:
            x = self.x(one.start)
            windows.append(Bar(x, band.y + height - 5, max(self.x(one.end) - x, 1.0), 4, one.what,
                               f"{one.what}: {durations.spoken(one.end - one.start)}"))  # fmt: skip
        bars = [Bar(bar.x, bar.y, bar.width, bar.height - (8 if windows else 0), bar.kind, bar.text)
                for bar in band.bars]  # fmt: skip
        return Band(band.name, band.note, band.y, height, [], [], bars, points, windows)

    def stretches(
        self, name: str, note: str, height: float, stretches: Iterable[Stretch], kind: str, gap: float = _GAP
    ) -> Band:
        """Blocks, one for each stretch."""
        y = self._next(height, gap)
        bars = []
        for one in stretches:
            x = self.x(one.start)
            if one.end > self._timeline.start:
                text = f"{one.state}, {durations.measured(one.end - one.start, 1)}"
                bars.append(Bar(x, y, max(self.x(one.end) - x, 1.0), height - 2, f"{kind} {_class(one.state)}", text))
        return Band(name, note, y, height, [], [], bars, [], [])

    def _line(
        self, name: str, parts: Iterable[Sequence[tuple[float, float]]], y: float, height: float, scale: "_Scale"
    ) -> ChartLine:
        paths = []
        for part in parts:
            points = [f"{self.x(at)},{round(y + height * (1 - scale.share(value)), 1)}" for at, value in part]
            paths.append(" ".join(points))
        return ChartLine(name, [path for path in paths if path])

    def _said(self, kind: str, at: float) -> str:
        zero = self._timeline.injected if kind == "delivered" else self._timeline.undone
        since = "the injection" if kind == "delivered" else "the undo"
        return f"{kind} {durations.measured(at - (zero or 0.0))} after {since}"

    def _next(self, height: float, gap: float = _GAP) -> float:
        y = self.y
        self.y += height + gap
        return y


def _linear(least: float, seconds: Sequence[Second]) -> _Scale:
    top = max([least, *(float(one.sent) for one in seconds)]) or 1.0
    return _Scale(lambda value: value / top, [(0.0, "0"), (top / 2, f"{top / 2:.0f}"), (top, f"{top:.0f}")])


def _logarithmic(seconds: Sequence[Second]) -> _Scale:
    """Whole decades from 1 ms on, as many as it takes."""
    longest = max([one.p99_seconds for one in seconds], default=0.0)
    decades = max(2, math.ceil(math.log10(max(longest, 0.001) / 0.001)))
    names = [f"{10**power:g} ms" if power < 3 else f"{10 ** (power - 3):g} s" for power in range(decades + 1)]
    return _Scale(
        lambda value: min(max(math.log10(max(value, 0.001) / 0.001) / decades, 0.0), 1.0),
        [(0.001 * 10**power, name) for power, name in enumerate(names)],
    )


def _ticks(scale: _Scale, y: float, height: float) -> list[AxisTick]:
    return [AxisTick(round(y + height * (1 - scale.share(value)), 1), text) for value, text in scale.ticks]


def _unbroken(seconds: Iterable[Second]) -> list[list[Second]]:
    parts: list[list[Second]] = [[]]
    for one in seconds:
        if one.sent:
            parts[-1].append(one)
        elif parts[-1]:
            parts.append([])
    return parts


def _class(state: str) -> str:
    """A state as the name of a style."""
    return state.lower().replace(" ", "-")


def _tick(seconds: int, step: int) -> str:
    return f"{seconds // _MINUTE} min" if step > _MINUTE else f"{seconds} s"
