"""What users see, second by second, folded from their file as it grows."""

import math
from collections.abc import Sequence

import msgspec

from chaos.facts.samples import Request
from chaos.judge import measures


class Row(msgspec.Struct, frozen=True):
    """One second of users' requests, by when they began; it is told anew when another of them has ended."""

    number: int
    """Which request of the file was the last that belongs to it: a later row of the same second has a greater one."""
    second: int
    """Since the run's start."""
    sent: int
    failed: int
    p50_seconds: float
    p99_seconds: float


class Users:
    """The rows so far. How they are numbered comes from the file alone, so that another process numbers them alike."""

    def __init__(self) -> None:
        self._requests: dict[int, list[Request]] = {}
        self._last: dict[int, int] = {}
        self._rows: dict[int, Row] = {}
        self._taken = 0

    @property
    def number(self) -> int:
        """Of the last request that was taken in."""
        return self._taken

    def take(self, requests: Sequence[Request], until: float = math.inf) -> None:
        """Take in those that are new and have ended by then, in seconds since the run's start."""
        while self._taken < len(requests) and requests[self._taken].ended_at <= until:
            request = requests[self._taken]
            self._taken += 1
            second = math.floor(request.at)
            self._requests.setdefault(second, []).append(request)
            self._last[second] = self._taken

    def since(self, number: int) -> list[Row]:
        """Every row that has changed since that request, in the order of their seconds."""
        return [self._row(second) for second, last in sorted(self._last.items()) if last > number]

    def _row(self, second: int) -> Row:
        row = self._rows.get(second)
        if row is None or row.number != self._last[second]:
            [seen] = measures.per_second(self._requests[second])
            row = Row(self._last[second], second, seen.sent, seen.failed, seen.p50_seconds, seen.p99_seconds)
            self._rows[second] = row
        return row
