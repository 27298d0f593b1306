"""The two small values people write in experiment files: a duration such as `90s`, a bound such as `< 0.01`."""

import operator
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import durationpy

NOTHING = re.compile(r"(?:0+(?:ms|[smhdwy])?)+")
"""A length of nothing as Prometheus writes it: `0`, `0s`, `0m`."""
_MINUTES_FROM_SECONDS = 120
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


class Duration(timedelta):
    """A span of time written with its units: `500ms`, `90s`, `2m`, `1h30m`, `1d`."""

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Raises ValueError when the text is not a positive number with a unit."""
        given = durationpy.from_str(text) if isinstance(text, str) and _DURATION.fullmatch(text) else timedelta()
        if not given:
            raise ValueError(f"{text!r} is not a duration such as 500ms, 90s, 2m or 1h30m")
        return cls(seconds=given.total_seconds())

    @property
    def in_seconds(self) -> float:
        """The duration in seconds."""
        return self.total_seconds()

    def __str__(self) -> str:
        """As it is written in a file: minutes where it is whole minutes, from two on."""
        seconds = self.in_seconds
        if seconds < _MINUTES_FROM_SECONDS or seconds % 60:
            return f"{seconds:g}s"
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{f'{hours}h' if hours else ''}{f'{minutes}m' if minutes or not hours else ''}"


class Bound:
    """One comparison that a measured number must satisfy."""

    # Not a dataclass: msgspec would then read it as an object instead of asking `decode`.
    __slots__ = ("comparison", "limit")

    def __init__(self, comparison: str, limit: float) -> None:
        self.comparison = comparison
        self.limit = limit

    @classmethod
    def parse(cls, text: object) -> "Bound":
        """Raises ValueError when the text is not a comparison and a number."""
        match = re.fullmatch(r"\s*(<=|>=|==|<|>)\s*(-?\d+(?:\.\d+)?)\s*", text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f'{text!r} is not a bound such as "< 0.01" or "== 0"')
        return cls(match[1], float(match[2]))

    def holds(self, measured: float) -> bool:
        """Whether the number satisfies the bound; NaN satisfies none."""
        return _OPERATORS[self.comparison](measured, self.limit)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        """As it is written in a file."""
        return f"{self.comparison} {self.limit:g}"


def decode(kind: type, written: Any) -> Any:
    """msgspec's hook for the two types above."""
    if kind is Duration or kind is Bound:
        return kind.parse(written)
    raise NotImplementedError(f"no way to read a {kind.__name__}")


def encode(value: Any) -> Any:
    """msgspec's hook for the two types above."""
    if isinstance(value, Duration | Bound):
        return str(value)
    raise NotImplementedError(f"no way to write a {type(value).__name__}")
