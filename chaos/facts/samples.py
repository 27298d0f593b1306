"""What the load recorded: `load.ndjson` as values. Pure but for `read`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
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
    requests: tuple[Request, ...]
    ticks: tuple[Tick, ...]
    # Why it ended: `SIGTERM`, `SIGINT`, `max_duration`. None: it runs still, or died, and what was in flight is lost.
    end: str | None
    # The last line is incomplete: it is being written, or the machine or its disk failed.
    torn: bool

    @property
    def complete(self) -> bool:
        """The load ended in order and everything it saw is here."""
        return self.end is not None and not self.torn


def read(path: Path) -> Load:
    """Read the file of a load, also of one that still runs. OSError, or ValueError as `parse`."""
    with path.open() as lines:
        return parse(lines)


def parse(lines: Iterable[str]) -> Load:
    """ValueError with the line's number if a line other than a torn last one is no fact of a load."""
    settings: LoadSettings | None = None
    requests: list[Request] = []
    ticks: list[Tick] = []
    end: str | None = None
    torn = False
    for number, line in enumerate(lines, 1):
        # Lines are written in one piece, line feed included: only a last line can be without one.
        if torn := not line.endswith("\n"):
            break
        try:
            fact = json.loads(line)
            if "name" in fact:
                requests.append(_request(fact))
            elif "tick" in fact:
                ticks.append(Tick(fact["tick"], fact["users"], fact["started"], fact["finished"], fact["lag"]))
            elif "start" in fact:
                settings = LoadSettings.from_fact(fact["settings"]) if "settings" in fact else None
            else:
                end = str(fact["end"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"load.ndjson:{number}: not a fact of a load: {line.strip()[:80]}") from error
    return Load(settings, tuple(requests), tuple(ticks), end, torn)


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
