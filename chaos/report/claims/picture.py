"""Places a picture of a claim on a drawing area; pure, the template draws it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from chaos.report.claims import words
from chaos.verdict.claims import Picture

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 14, 40
_TICKS = 6
_ROUNDING = 1e-9
_LEAST = 1e-30
"""What is smaller is nothing that was measured, and no logarithm of it is safe."""
HUES = 5
"""Colours that the style has for lines and bars, taken in turn."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One point that was measured."""

    x: float
    y: float
    text: str
    hue: int


@dataclass(frozen=True, slots=True)
class Block:
    """One bar."""

    x: float
    y: float
    width: float
    height: float
    text: str
    hue: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture with coordinates."""

    title: str
    x: str
    y: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    bound: float | None
    key: list[tuple[int, str]]
    """Colour and name of each line, or of each bar of a group."""
    paths: list[tuple[int, str]] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


def of(picture: Picture) -> Drawn:
    """The picture with coordinates; a value that its axis cannot show, such as 0 on a logarithmic one, is left out."""
    return _of_bars(picture) if picture.bars else _of_lines(picture)


def _of_lines(picture: Picture) -> Drawn:
    points = [point for line in picture.lines for point in line.points if _shown(picture, *point)]
    bound = [picture.bound] if picture.bound is not None else []
    across = _Axis([x for x, _ in points], picture.log_x, LEFT, WIDTH - RIGHT)
    up = _Axis([y for _, y in points] + bound, picture.log_y, HEIGHT - BOTTOM, TOP)
    paths, dots = [], []
    for place, line in enumerate(picture.lines):
        there = [(across.of(x), up.of(y), x, y) for x, y in line.points if _shown(picture, x, y)]
        if not line.dots and there:
            paths.append((place % HUES, "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in there)))
        texts = ((x, y, f"{line.name}: {words.number(a)}, {words.number(b)}") for x, y, a, b in there)
        dots += [Dot(x, y, text, place % HUES) for x, y, text in texts]
    key = [(place % HUES, line.name) for place, line in enumerate(picture.lines)]
    ticks = list(across.ticks()), list(up.ticks())
    return Drawn(picture.title, picture.x, picture.y, *ticks, _bound(picture, up), key, paths, dots)


def _of_bars(picture: Picture) -> Drawn:
    heights = [height for group in picture.bars for height in group.heights if _shown(picture, 1, height)]
    bound = [picture.bound] if picture.bound is not None else []
    up = _Axis([*heights, *bound], picture.log_y, HEIGHT - BOTTOM, TOP)
    room = (WIDTH - LEFT - RIGHT) / len(picture.bars)
    blocks, ticks = [], []
    for place, group in enumerate(picture.bars):
        begins, width = LEFT + (place + 0.12) * room, 0.76 * room / max(1, len(group.heights))
        ticks.append(Tick(LEFT + (place + 0.5) * room, group.name))
        for number, height in enumerate(group.heights):
            if _shown(picture, 1, height):
                top = up.of(height)
                what = f"{group.name}, {picture.of_bars[number]}: {words.number(height)}"
                left = begins + number * width
                blocks.append(Block(left, top, width * 0.94, HEIGHT - BOTTOM - top, what, number % HUES))
    key = [(place % HUES, name) for place, name in enumerate(picture.of_bars)]
    return Drawn(picture.title, picture.x, picture.y, ticks, list(up.ticks()), _bound(picture, up), key, blocks=blocks)


def _shown(picture: Picture, x: float, y: float) -> bool:
    fine = math.isfinite(x) and math.isfinite(y)
    return fine and (x > _LEAST or not picture.log_x) and (y > _LEAST or not picture.log_y)


def _bound(picture: Picture, up: "_Axis") -> float | None:
    return None if picture.bound is None else up.of(picture.bound)


class _Axis:
    """From values to places; a linear one begins at 0."""

    def __init__(self, values: list[float], log: bool, at_least: float, at_most: float) -> None:
        self._log, self._first, self._last = log, at_least, at_most
        self._map: Callable[[float], float] = math.log10 if log else float
        if log:
            self._low = 10.0 ** math.floor(math.log10(min(values, default=1.0)))
            self._high = 10.0 ** math.ceil(math.log10(max(values, default=10.0)) + 1e-9)
            if self._high <= self._low:
                self._high = 10 * self._low
        else:
            self._low = min(0.0, *values) if values else 0.0
            self._high = max([*values, 0.0])
            if self._high - self._low <= _LEAST:
                self._high = self._low + 1.0

    def of(self, value: float) -> float:
        """Where a value is."""
        low, high = self._map(self._low), self._map(self._high)
        share = (self._map(value) - low) / (high - low)
        return self._first + share * (self._last - self._first)

    def ticks(self) -> Iterator[Tick]:
        """Lines of the grid at numbers that people like."""
        values = list(self._decades()) if self._log else list(self._steps())
        for value in values:
            yield Tick(self.of(value), words.number(value))

    def _decades(self) -> Iterator[float]:
        for power in range(round(math.log10(self._low)), round(math.log10(self._high)) + 1):
            yield 10.0**power

    def _steps(self) -> Iterator[float]:
        raw = (self._high - self._low) / _TICKS
        power = 10.0 ** math.floor(math.log10(raw))
        step = next((size * power for size in (1, 2, 5) if size * power >= raw), 10 * power)
        first, last = math.ceil(self._low / step - _ROUNDING), math.floor(self._high / step + _ROUNDING)
        yield from (number * step for number in range(first, last + 1))
