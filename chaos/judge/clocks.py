"""Judges the clocks: what moved while the run lasted, and what was told before it can have been."""

from collections.abc import Iterable

from chaos.facts.alerts import AlertHistory, PrometheusSeen
from chaos.facts.clocks import ClockSeen
from chaos.facts.pages import PageSeen
from chaos.facts.recording import Recording
from chaos.verdict.run_finding import ClockMoved, EvidenceFinding, OutOfOrder

_MOVES_SECONDS = 1.0
"""A clock that is slewed or that an answer on its way makes look so moves less."""
_BEFORE_SECONDS = 1.0
"""An answer of Prometheus's may be under way for so long."""


def missing(recording: Recording) -> Iterable[EvidenceFinding]:
    """One finding for each source whose times cannot be trusted."""
    yield from _moved(recording)
    if (early := _told_too_early(recording)) > _BEFORE_SECONDS:
        yield OutOfOrder("Prometheus", early)
    if (early := _arrived_too_early(recording)) > _BEFORE_SECONDS:
        yield OutOfOrder("the pager", early)


def _moved(recording: Recording) -> Iterable[EvidenceFinding]:
    seen: dict[str, list[ClockSeen]] = {}
    for one in recording.all(ClockSeen):
        if one.error is None:
            seen.setdefault(one.source, []).append(one)
    for source, found in seen.items():
        moved = abs(found[-1].ahead_seconds - found[0].ahead_seconds)
        if moved > found[0].uncertain_seconds + found[-1].uncertain_seconds + _MOVES_SECONDS:
            yield ClockMoved(source, moved)


def _told_too_early(recording: Recording) -> float:
    """By how much an alert began, by Prometheus's clock, after the answer that already told of it."""
    # It bears the time at which it was asked for, and tells what was so when it was answered.
    looks = recording.all(PrometheusSeen)
    early = [alert.active_since - look.at - look.took for look in looks for alert in look.alerts]
    asked = [max(one.samples) - one.at for one in recording.all(AlertHistory) if one.samples]
    return max([*early, *asked], default=0.0)


def _arrived_too_early(recording: Recording) -> float:
    """By how much a page arrived, by the pager's clock, before its alert fired."""
    pages = [(page.at, alert) for page in recording.all(PageSeen) for alert in page.alerts]
    return max((alert.fired_at - at for at, alert in pages), default=0.0)
