"""Alerts over time: pending and firing as Prometheus has it, paged and over as the pager was told. Pure."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from chaos.facts.alert_key import Key, in_words, key_of
from chaos.facts.alerts import AlertHistory, TakenAlert
from chaos.facts.any_fact import AnyFact
from chaos.facts.game import AnyGameFact, Paged
from chaos.facts.pages import PageSeen
from chaos.facts.run import RunStarted
from chaos.gameday.told import as_told

_LONGEST_STEPS = 2.5
"""Samples of one state that are closer than so many evaluations are one stretch of it."""
UNTOLD = frozenset({"experiment", "fault", "run", "run_id"})
"""Labels that somebody may give to what a drill does: of a round they would be the answer."""


class State(msgspec.Struct, frozen=True):
    """A stretch of time in which Prometheus had an alert in one state."""

    state: str
    """`pending` or `firing`."""
    start: float
    end: float | None
    """None: it goes on."""


class Lane(msgspec.Struct, frozen=True):
    """One alert: when it was paged and a page said that it is over, and what Prometheus says of it."""

    name: str
    stretches: list[tuple[float, float | None]]
    """From page to page, in seconds since the run's start; an end of None: it goes on. Empty: nobody was paged."""
    states: list[State] = []
    """Empty where Prometheus told nothing."""
    held_back: str = ""
    """Why nobody is paged just now though it fires."""


@dataclass(frozen=True, slots=True)
class Told:
    """What Prometheus and Alertmanager said, as of one moment."""

    histories: Sequence[AlertHistory] = ()
    taken: Sequence[TakenAlert] = ()
    step_seconds: float = 1.0
    """Between two evaluations."""
    error: str = ""
    """Why they told nothing; empty when they did."""


NOTHING = Told()


@dataclass(frozen=True, slots=True)
class Lanes:
    """All of them, as of one moment."""

    all: list[Lane]
    mark: int
    """The same for the same lanes, also in another process."""
    unseen: str = ""
    """Why they may be out of date; empty: they are not."""


NONE = Lanes([], 0)


def of(pages: Iterable[AnyGameFact], told: Told, now: float) -> Lanes:
    """A lane for each alert that was paged, in the order in which they first were; then for each that was not.

    One that fired all the time and was never paged is left out: a heartbeat, or of before the run.
    """
    paged = _paged(pages)
    states = _states(told, now)
    held = {_own(one.name, one.labels): _held_back(one) for one in told.taken}
    lanes: list[Lane] = []
    found: set[Key] = set()
    for name, stretches in paged.items():
        # Of two instances that a page may be of, it is of the one that says more.
        fits = sorted((key for key in states if _is_of(key, name)), key=lambda key: len(key[1]))[-1:]
        found.update(fits)
        lanes.append(Lane(name, stretches, states[fits[0]] if fits else [], _held(held, name)))
    for key, its in sorted(states.items(), key=lambda pair: pair[1][0].start):
        if key not in found and not _always(its, told, now):
            lanes.append(Lane(in_words(key), [], its, _held(held, in_words(key))))
    return Lanes(lanes, zlib.crc32(msgspec.json.encode(lanes)), told.error)


def pages_of(marks: Iterable[AnyFact]) -> list[Paged]:
    """The pages of a run that is no round, without heartbeats."""
    return [as_told(mark, mark.at) for mark in without_heartbeats(marks) if isinstance(mark, PageSeen)]


def without_heartbeats(marks: Iterable[AnyFact]) -> Iterator[AnyFact]:
    """The same but for deliveries that are no page: refused, empty, or to whom an alert that always fires goes."""
    heartbeats = ""
    for mark in marks:
        if isinstance(mark, RunStarted):
            heartbeats = mark.heartbeat_receiver
        if not isinstance(mark, PageSeen) or (mark.accepted and mark.alerts and mark.receiver != heartbeats):
            yield mark


def _paged(facts: Iterable[AnyGameFact]) -> dict[str, list[tuple[float, float | None]]]:
    found: dict[str, list[tuple[float, float | None]]] = {}
    for page in facts:
        if isinstance(page, Paged):
            for alert in page.alerts:
                stretches = found.setdefault(alert, [])
                goes_on = bool(stretches) and stretches[-1][1] is None
                fires = page.firing and alert not in page.over
                if fires and not goes_on:
                    stretches.append((page.arrived, None))
                elif not fires and goes_on:
                    stretches[-1] = (stretches[-1][0], page.arrived)
    return {name: stretches for name, stretches in found.items() if stretches}


def _states(told: Told, now: float) -> dict[Key, list[State]]:
    samples: dict[Key, dict[float, str]] = {}
    for history in told.histories:
        its = samples.setdefault(_own(history.name, history.labels), {})
        # Where both are stored for one moment, firing is what counts.
        its.update({at: history.state for at in history.samples if at <= now and its.get(at) != "firing"})
    return {key: _joined(its, told.step_seconds, now) for key, its in samples.items() if its}


def _joined(samples: Mapping[float, str], step: float, now: float) -> list[State]:
    times = sorted(samples)
    found: list[State] = []
    start = times[0]
    for earlier, later in pairwise(times):
        torn = later - earlier > _LONGEST_STEPS * step
        if torn or samples[earlier] != samples[later]:
            found.append(State(samples[earlier], round(start, 2), round(earlier + step if torn else later, 2)))
            start = later
    last = times[-1]
    over = now - last > _LONGEST_STEPS * step
    return [*found, State(samples[last], round(start, 2), round(last + step, 2) if over else None)]


def _always(states: Sequence[State], told: Told, now: float) -> bool:
    around = _LONGEST_STEPS * told.step_seconds
    begins = states[0].start <= around
    goes_on = states[0].end is None or states[0].end >= now - around
    return begins and goes_on and states[0].state == "firing"


def _own(name: str, labels: Mapping[str, str]) -> Key:
    return key_of(name, {label: value for label, value in labels.items() if label not in UNTOLD})


def _is_of(key: Key, paged: str) -> bool:
    """Whether that page is of this instance: Prometheus adds labels on the way to Alertmanager."""
    name, _, labels = paged.removesuffix("}").partition("{")
    return name == key[0] and {f"{label}={value}" for label, value in key[1]} <= set(labels.split(", "))


def _held_back(alert: TakenAlert) -> str:
    if alert.silenced_by or alert.muted_by:
        return "silenced"
    return f"inhibited by {', '.join(alert.inhibited_by)}" if alert.inhibited_by else ""


def _held(held: Mapping[Key, str], name: str) -> str:
    """Of Alertmanager's alert that this lane is of; either may have labels that the other lacks."""
    return next((why for key, why in held.items() if why and (_is_of(key, name) or _has(key, name))), "")


def _has(key: Key, lane: str) -> bool:
    name, _, labels = lane.removesuffix("}").partition("{")
    own = {f"{label}={value}" for label, value in key[1]}
    return name == key[0] and set(filter(None, labels.split(", "))) <= own
