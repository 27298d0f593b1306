"""What the load recorded: `load.ndjson` as values. Pure but for `read`."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.spec.load import LoadSettings


@dataclass(frozen=True, slots=True)
class Request:
    """One request as its user saw it."""

    # Its start, in seconds since the run's origin.
    at: float
    took_seconds: float
    # Method and route, such as `GET /products/{sku}`.
    name: str
    # None if no complete answer came.
    status: int | None
    # A complete 2xx came within the user's time-out.
    ok: bool
    # A few words, such as `timed out`; None if ok.
    error: str | None
    # The instance that answered, None if nobody said.
    served_by: str | None

    @property
    def ended_at(self) -> float:
        return self.at + self.took_seconds


@dataclass(frozen=True, slots=True)
class Tick:
    """One second of the load, the one that ends at `at`."""

    at: float
    users: int
    # Requests started and ended in this second.
    started: int
    finished: int
    # How late the load process wrote this: seconds by which its latencies may be too long.
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """One load, or what there is of it."""

    # None: not even the first line is there, or the load is a program of the stack's own.
    settings: LoadSettings | None
    # In the order in which they ended.
    requests: Sequence[Request]
    ticks: Sequence[Tick]
    # Why it ended: `SIGTERM`, `SIGINT`, `max_duration`. None: it runs still, or died, and what was in flight is lost.
    end: str | None
    # The last line is incomplete: it is being written, or the machine or its disk failed.
    torn: bool
    lines: int = 0
    """Read, whole ones."""
    wrote: Mapping[str, int] = field(default_factory=dict)
    """How many lines it says at its end that it wrote, by file; empty where it did not say."""
    fold: "LoadFold | None" = field(default=None, compare=False, repr=False)
    """What it was made of, which knows where in the requests a moment lies; None: it was made up."""

    @property
    def complete(self) -> bool:
        """The load ended in order and everything it saw is here."""
        return self.end is not None and not self.torn

    def ended_since(self, at: float) -> Sequence[Request]:
        """All requests that ended at or after this moment, and perhaps others."""
        return self.requests if self.fold is None else self.fold.ended_since(at)


def read(path: Path) -> Load:
    """Read the file of a load, also of one that still runs. OSError, or ValueError as `parse`."""
    with path.open() as lines:
        return parse(lines)


def parse(lines: Iterable[str]) -> Load:
    """ValueError with the line's number if a line other than a torn last one is no fact of a load."""
    fold, torn = LoadFold(), False
    for line in lines:
        # Lines are written in one piece, line feed included: only a last line can be without one.
        if torn := not line.endswith("\n"):
            break
        fold.add(line)
    return Load(fold.settings, tuple(fold.requests), tuple(fold.ticks), fold.end, torn, fold.lines, fold.wrote, fold)


class LoadFold:
    """A load, line by line."""

    def __init__(self) -> None:
        self.settings: LoadSettings | None = None
        self.requests: list[Request] = []
        self.ticks: list[Tick] = []
        self.end: str | None = None
        self.wrote: dict[str, int] = {}
        self.lines = 0
        self._latest_ends: list[float] = []

    def add(self, line: str) -> None:
        """Take in the next line. ValueError with its number if it is no fact of a load."""
        self.lines += 1
        try:
            self._take(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"load.ndjson:{self.lines}: not a fact of a load: {line.strip()[:80]}") from error

    def ended_since(self, at: float) -> Sequence[Request]:
        """All requests that ended at or after this moment, and perhaps others; looks at few of those before it."""
        return self.requests[bisect_left(self._latest_ends, at) :]

    def _take(self, fact: dict[str, Any]) -> None:
        if "name" in fact:
            request = _request(fact)
            self.requests.append(request)
            # Whoever writes the file may do so in any order: the latest end so far never goes back.
            self._latest_ends.append(max(request.ended_at, self._latest_ends[-1] if self._latest_ends else 0.0))
        elif "tick" in fact:
            self.ticks.append(Tick(fact["tick"], fact["users"], fact["started"], fact["finished"], fact["lag"]))
        elif "start" in fact:
            self.settings = LoadSettings.from_fact(fact["settings"]) if "settings" in fact else None
        else:
            self.end = str(fact["end"])
            self.wrote = fact.get("wrote") or {}


def _request(fact: dict[str, Any]) -> Request:
    return Request(
        at=fact["at"],
        took_seconds=fact["took"],
        name=fact["name"],
        status=fact["status"],
        ok=fact["ok"],
        error=fact["error"],
        served_by=fact["served_by"],
    )
