"""What a page may know now. Pure: of a sealed round it has the game's facts and users' seconds, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from chaos.console.lanes import NONE, Lane, Lanes, without_heartbeats
from chaos.console.users import Row, Users
from chaos.facts import game
from chaos.facts.any_fact import AnyFact
from chaos.facts.game import AnyGameFact
from chaos.facts.pages import PageSeen
from chaos.facts.run import Aborted, Injected, Mitigated, PhaseBegan, RunEnded, StagedInjected, StagedUndone, Undone
from chaos.gameday.told import as_told
from chaos.report import debrief, durations, game_words
from chaos.verdict.round import RoundScore


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known of a round once its seal is open."""

    title: str
    truth: str
    score: RoundScore | None
    page: str
    """The file of the debrief, or of another run's report; empty: it is not written yet."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was read of a run's folder, as of one moment."""

    run: str
    facts: Sequence[AnyGameFact]
    """Empty where it is no round."""
    marks: Sequence[AnyFact]
    """What the run did and whom it paged; none while it is sealed."""
    users: Users
    now: float
    """Seconds since the run's start; of what is over, its end."""
    sealed: bool
    played: bool
    """Whether somebody plays or runs it now."""
    opened: Opened | None = None
    lanes: Lanes = NONE


class Event(msgspec.Struct, frozen=True):
    """One line of what happened."""

    number: int
    """From 1, without a gap."""
    at: float
    when: str
    words: str
    fact: AnyGameFact | None
    """None: it is no fact of a game."""


class PartLine(msgspec.Struct, frozen=True):
    """A part of the score, in words."""

    name: str
    you: str
    par: str
    words: str


class Told(msgspec.Struct, frozen=True):
    """What is told after the reveal."""

    title: str
    truth: str
    parts: list[PartLine]
    gaps: list[str]
    page: str
    """Of the debrief, or of another run's report; empty: there is none yet."""
    fault: tuple[float, float | None] | None
    """From when and until when it was in place; None: nothing was."""


class State(msgspec.Struct, frozen=True):
    """Everything that is new for a page that had so many facts and so many users' requests."""

    run: str
    now: float
    stage: str
    """One of the words of `stage_of`, or a phase of a run that is no round."""
    words: str
    """The same for people."""
    live: bool
    events: list[Event]
    lanes: list[Lane]
    alerts: int
    """What the page sends with its next question, so that it is told as soon as a lane changes."""
    unseen: str
    """Why lanes may be out of date; empty: they are not."""
    rows: list[Row]
    facts: int
    """How many there are: what the page asks with next; likewise `users`."""
    users: int
    told: Told | None


_STAGES = {
    "waiting": "no round yet: it appears here by itself",
    "not begun": "a recording, which is played as soon as its host begins it",
    "preparing": "users come, and everything is proven well; nothing is broken yet",
    "on": "from now on something may be broken",
    "putting back": "what was broken is put back; alerts take a while to notice",
    "over": "the round is over, and the seal is open",
    "broken off": "the round was broken off; `stormdrill gameday reveal` opens its seal",
}


def of(seen: Seen, facts: int = 0, users: int = 0) -> State:
    """What is new since then; `facts` and `users` as the State before said."""
    # Of a round only what is new is put into words: many pages ask, several times a second.
    events = [] if seen.facts else _of_a_run(seen)
    new = [_event(number, fact) for number, fact in enumerate(seen.facts[facts:], facts + 1)] or events[facts:]
    stage = stage_of(seen)
    return State(
        seen.run,
        round(seen.now, 2),
        stage,
        _STAGES.get(stage, stage),
        seen.played,
        new,
        seen.lanes.all,
        seen.lanes.mark,
        seen.lanes.unseen,
        seen.users.since(users),
        len(seen.facts or events),
        seen.users.number,
        _told(seen),
    )


def waiting(begun: bool = True) -> State:
    """Where there is no run, or none that has `begun` to be played again."""
    words = _STAGES["waiting" if begun else "not begun"]
    return State("", 0.0, "waiting", words, True, [], [], 0, "", [], 0, 0, None)


def stage_of(seen: Seen) -> str:
    """How far a round is, or which phase another run is in."""
    if not seen.facts:
        phases = [mark.phase for mark in _open(seen) if isinstance(mark, PhaseBegan)]
        over = any(isinstance(mark, RunEnded) for mark in _open(seen))
        return "the run is over" if over else (phases or ["preparing"])[-1]
    kinds = {type(fact) for fact in seen.facts}
    if not seen.sealed:
        return "over"
    if not seen.played:
        return "broken off"
    return "putting back" if game.HoldEnded in kinds else "on" if game.Ready in kinds else "preparing"


def _open(seen: Seen) -> Sequence[AnyFact]:
    # Whoever read the folder leaves them out as well: each of the two is enough.
    return () if seen.sealed else seen.marks


def _of_a_run(seen: Seen) -> list[Event]:
    shown = [(mark, words) for mark in without_heartbeats(_open(seen)) if (words := _words(mark))]
    events = []
    for number, (mark, words) in enumerate(shown, 1):
        if isinstance(mark, PageSeen):
            events.append(_event(number, as_told(mark, mark.at, number)))
        else:
            events.append(Event(number, mark.at, _when(mark.at), words, None))
    return events


def _event(number: int, fact: AnyGameFact) -> Event:
    return Event(number, fact.at, _when(fact.at), game_words.line(fact), fact)


def _when(at: float) -> str:
    return durations.measured(max(0.0, at), 1)


def _words(mark: AnyFact) -> str:
    """What a run that is no round did, as one line; empty where nobody needs to know."""
    match mark:
        case PhaseBegan():
            return f"{mark.phase} begins"
        case PageSeen():
            return "a page"
        case Injected() | StagedInjected():
            return f"in place: {mark.detail}"
        case Undone() | StagedUndone():
            return f"undone: {mark.detail}"
        case Aborted():
            return f"aborted: {mark.why}"
        case Mitigated():
            return f"mitigated: {mark.how}"
        case RunEnded():
            return f"the run is over: {mark.how} {mark.detail}".strip()
    return ""


def _told(seen: Seen) -> Told | None:
    if seen.sealed or (seen.opened is None and seen.facts):
        return None
    opened = seen.opened or Opened(seen.run, "", None, "")
    score = opened.score
    parts = [PartLine(*row) for row in debrief.rows(score)] if score else []
    if score:
        parts.append(PartLine("it ended as", debrief.how_ended(score), "", ""))
    gaps = score.gaps if score else []
    return Told(opened.title, opened.truth, parts, gaps, opened.page, _fault(seen.marks))


def _fault(marks: Sequence[AnyFact]) -> tuple[float, float | None] | None:
    began = next((mark.at for mark in marks if isinstance(mark, Injected)), None)
    ended = next((mark.at for mark in marks if isinstance(mark, Undone)), None)
    return None if began is None else (began, ended)
