"""What the people of a round do and are told: numbered facts in a file that each of their programs adds to.

Nobody's fact says what is broken before `Revealed`.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import TypeAlias

import msgspec

from chaos.facts.one_at_a_time import alone

GAME_FILE = "game.ndjson"
ROLES = ("host", "player", "scribe", "watcher")


class GameFact(msgspec.Struct, frozen=True, tag_field="game"):
    """One thing that was done or told."""

    number: int
    """Its place in the file; the first is 1."""
    at: float
    """Seconds since the run's start; CLOCK_MONOTONIC, which all processes of a machine share."""


class RoundBegan(GameFact, frozen=True, tag="round_began"):
    """The first fact of a round."""

    origin: float
    """CLOCK_MONOTONIC at `at` 0."""
    wall: float
    """Unix time at `at` 0."""
    commitment: str
    limit_seconds: float
    acknowledge_within_seconds: float
    fallback: str
    components: list[str]
    """What a diagnosis may name."""
    families: list[str]
    actions: list[str]
    """What may be done."""
    roles: dict[str, str]
    """Of the target's instances, by their names."""
    items: list[str]
    """Action items that were open."""
    stretch: float
    """How much slower than in the fastest drill rules and groups are here."""
    objective: float | None = None
    """Which share of requests has to succeed, in percent; None: nobody said."""
    without_names: bool = False
    """Whether people's names are to be left out of what is kept."""


class Ready(GameFact, frozen=True, tag="ready"):
    """Users come, all is well, and from now on something may be broken."""


class Joined(GameFact, frozen=True, tag="joined"):
    """Somebody is there."""

    who: str
    role: str


class Paged(GameFact, frozen=True, tag="paged"):
    """A message arrived at the pager."""

    receiver: str
    firing: bool
    """Else it says that it is over."""
    alerts: list[str]
    """In words: name and labels."""
    summary: str
    runbook: str
    arrived: float
    """Seconds since the run's start."""
    over: list[str] = msgspec.field(default_factory=list)
    """Those of `alerts` that are over, where others of the same page fire."""
    dashboard: str = ""
    """The address of the dashboard that the page names; empty: it names none, or an earlier release wrote this."""


class Acknowledged(GameFact, frozen=True, tag="acknowledged"):
    """Somebody takes a page."""

    who: str
    page: int
    """The fact's number."""


class Escalated(GameFact, frozen=True, tag="escalated"):
    """Nobody took a page in time, so that it is told to somebody else."""

    page: int
    to: str


class Claimed(GameFact, frozen=True, tag="claimed"):
    """Somebody says what is broken."""

    who: str
    component: str
    family: str
    confidence: float
    """From 0 to 1."""


class Noted(GameFact, frozen=True, tag="noted"):
    """Somebody writes something down."""

    who: str
    text: str


class Asked(GameFact, frozen=True, tag="asked"):
    """Somebody wants something done."""

    who: str
    action: str


class Acted(GameFact, frozen=True, tag="acted"):
    """What became of that."""

    asked: int
    done: bool
    detail: str


class HintAsked(GameFact, frozen=True, tag="hint_asked"):
    """Somebody wants a hint."""

    who: str


class HintGiven(GameFact, frozen=True, tag="hint_given"):
    """The next one."""

    place: int
    """The first is 1."""
    text: str


class InjectTold(GameFact, frozen=True, tag="inject_told"):
    """Somebody from outside says or wants something."""

    sender: str
    text: str
    within_seconds: float | None
    """For an answer; None where none is expected."""


class Answered(GameFact, frozen=True, tag="answered"):
    """Somebody answers that."""

    who: str
    inject: int
    """The fact's number."""
    text: str


class RunbookOpened(GameFact, frozen=True, tag="runbook_opened"):
    """Somebody reads what to do about a page."""

    who: str
    page: int


class TruthShown(GameFact, frozen=True, tag="truth_shown"):
    """Somebody looked at the truth; what he claims from here on is not scored."""

    who: str


class Steered(GameFact, frozen=True, tag="steered"):
    """The host starts, delays, extends or aborts."""

    who: str
    how: str
    """`start`, `delay`, `extend` or `abort`."""
    seconds: float = 0.0


class Declared(GameFact, frozen=True, tag="declared"):
    """Somebody says that it is over."""

    who: str


class Declined(GameFact, frozen=True, tag="declined"):
    """It is not."""

    declared: int
    why: str


class HoldEnded(GameFact, frozen=True, tag="hold_ended"):
    """What was broken is put back from here on."""

    how: str
    """`mitigated`, `repaired`, `resolved`, `limit`, `aborted`, or `broken off` where none of these."""
    by: int | None
    """The number of the fact that did it; None: nobody's."""


class Revealed(GameFact, frozen=True, tag="revealed"):
    """The round is over and the seal is open: everybody may know everything."""


AnyGameFact: TypeAlias = (
    RoundBegan
    | Ready
    | Joined
    | Paged
    | Acknowledged
    | Escalated
    | Claimed
    | Noted
    | Asked
    | Acted
    | HintAsked
    | HintGiven
    | InjectTold
    | Answered
    | RunbookOpened
    | TruthShown
    | Steered
    | Declared
    | Declined
    | HoldEnded
    | Revealed
)


def append(file: Path, fact: AnyGameFact, allowed: Callable[[list[AnyGameFact]], None] = lambda _: None) -> AnyGameFact:
    """Add a fact with the next number, whoever else writes; returns it as it was written.

    `allowed` is asked with every fact so far, while nobody else writes, and may raise. Raises OSError, also when
    another program keeps the file for 2 s.
    """
    with file.open("a+b", buffering=0) as opened:
        with alone(opened):
            numbered = _add(opened, fact, allowed)
        # Others need not wait for the disk.
        with contextlib.suppress(OSError):
            os.fsync(opened.fileno())
        return numbered


def _add(opened: FileIO, fact: AnyGameFact, allowed: Callable[[list[AnyGameFact]], None]) -> AnyGameFact:
    opened.seek(0)
    content = opened.read()
    # A line that was cut off is nobody's fact, and must not take the next one along.
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) != len(content):
        opened.truncate(len(whole))
    allowed(list(_decoded(whole)))
    numbered: AnyGameFact = msgspec.structs.replace(fact, number=whole.count(b"\n") + 1)
    line = msgspec.json.encode(numbered) + b"\n"
    if opened.write(line) != len(line):
        opened.truncate(len(whole))
        raise OSError("a fact was written in part only: no space left?")
    return numbered


def read(file: Path) -> list[AnyGameFact]:
    """Every fact so far; none where there is no game. A last line that is not whole yet is left out.

    Raises ValueError with the number of a line that is no fact.
    """
    return list(_decoded(file.read_bytes() if file.exists() else b""))


def _decoded(content: bytes) -> Iterator[AnyGameFact]:
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), 1):
        try:
            yield msgspec.json.decode(line, type=AnyGameFact)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{GAME_FILE}:{number}: not a fact of a game: {error}") from error
