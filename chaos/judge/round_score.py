"""Scores a round from its recording: what people did, beside when the telemetry made it possible.

Par is when users began to hurt, when the first panel moved and when the first page was delivered: so a slow alert is
the alert's fault, and not the player's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.facts.game import (
    Acknowledged,
    Acted,
    Answered,
    AnyGameFact,
    Asked,
    Claimed,
    HintGiven,
    HoldEnded,
    InjectTold,
    Paged,
    RoundBegan,
    RunbookOpened,
    TruthShown,
)
from chaos.facts.pages import PageSeen
from chaos.facts.panels import PanelHistory
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.facts.samples import Request
from chaos.judge import panel_change, users_now, window
from chaos.judge.measures import Phase
from chaos.judge.window import Window
from chaos.spec.gameday.truth import Truth
from chaos.verdict.round import ClaimResult, Part, RoundScore

_STEP_SECONDS = 1.0
_STAYS_STEPS = 3
_STILL_SHARE = 0.05
"""Of a line that stood still, by how much it has to change."""
_MONTH_SECONDS = 30 * 86400.0
_READS = ("GET ", "HEAD ")
_ENDED_BY_PEOPLE = ("mitigated", "repaired", "resolved")


@dataclass(frozen=True, slots=True)
class Par:
    """When what could be known, in seconds since the injection; None: never."""

    hurt: float | None
    panel: float | None
    panel_name: str
    page: float | None

    @property
    def first(self) -> float | None:
        """When anything at all said that something is wrong."""
        return min((one for one in (self.hurt, self.panel, self.page) if one is not None), default=None)


def score(recording: Recording, facts: Sequence[AnyGameFact], truth: Truth) -> RoundScore:
    """The parts of one round; of one in which nothing was injected there are only the claims."""
    spans = window.of(recording)
    zero = spans.injected if spans.injected is not None else 0.0
    facts = _without_who_looked(facts)
    par = par_of(recording, spans)
    claims = _claims(facts, truth, zero)
    ended = next((fact for fact in facts if isinstance(fact, HoldEnded)), None)
    parts = [
        _detect(facts, zero, par),
        *_acknowledge(facts, zero, par),
        _diagnose(claims, par),
        _mitigate(recording, spans, zero, par, ended.how if ended else ""),
        *_communicate(facts),
        *_harm(recording, spans, _objective(facts)),
    ]
    return RoundScore(
        parts=parts,
        claims=claims,
        brier=_brier(claims),
        hints=max((fact.place for fact in facts if isinstance(fact, HintGiven)), default=0),
        hurt=par.hurt,
        panel=par.panel_name,
        ended=ended.how if ended else "",
        gaps=_gaps(facts, par),
    )


def par_of(recording: Recording, spans: Window) -> Par:
    """What the telemetry made possible."""
    if spans.injected is None:
        return Par(None, None, "", None)
    panel, name = _first_panel(recording, spans)
    return Par(_first_hurt(recording, spans), panel, name, _first_page(recording, spans.injected))


def _first_hurt(recording: Recording, spans: Window) -> float | None:
    assert spans.injected is not None
    end = spans.undone if spans.undone is not None else spans.end
    for at, requests in _looks(recording, spans.injected, end):
        if any(users_now.broken(check, requests) for check in recording.experiment.steady_state):
            return at - spans.injected
    return None


def _well_from(recording: Recording, hurt_at: float, end: float) -> float | None:
    """Since when users were well until then."""
    well: float | None = None
    for at, requests in _looks(recording, hurt_at, end):
        if any(users_now.broken(check, requests) for check in recording.experiment.steady_state):
            well = None
        elif well is None:
            # All of what this look covers was well.
            well = max(hurt_at, at - users_now.LOOKS_BACK_SECONDS)
    return well


def _looks(recording: Recording, start: float, end: float) -> list[tuple[float, list[Request]]]:
    requests = sorted(recording.load.ended_since(start - users_now.LOOKS_BACK_SECONDS), key=lambda one: one.ended_at)
    found, first, last = [], 0, 0
    at = start + _STEP_SECONDS
    while at <= end:
        while last < len(requests) and requests[last].ended_at <= at:
            last += 1
        while first < last and requests[first].ended_at < max(start, at - users_now.LOOKS_BACK_SECONDS):
            first += 1
        found.append((at, requests[first:last]))
        at += _STEP_SECONDS
    return found


def _first_page(recording: Recording, injected: float) -> float | None:
    started = recording.first(RunStarted)
    heartbeat = started.heartbeat_receiver if started else ""
    pages = [
        page.at - injected
        for page in recording.all(PageSeen)
        if page.accepted and page.receiver != heartbeat and any(one.status == "firing" for one in page.alerts)
    ]
    return min((at for at in pages if at >= 0), default=None)


def _first_panel(recording: Recording, spans: Window) -> tuple[float | None, str]:
    """When the first of the panels that moved, by the verdict's own rule, left what it had been in the baseline."""
    if spans.baseline is None or spans.injected is None:
        return None, ""
    moved = {(one.dashboard, one.panel) for one in panel_change.judge(recording, spans) if one.moved}
    found = [
        (at - spans.injected, f"{history.panel} ({history.dashboard})")
        for history in recording.all(PanelHistory)
        if (history.dashboard, history.panel) in moved and (at := _left_its_range(history, spans)) is not None
    ]
    return min(found, default=(None, ""))


def _left_its_range(history: PanelHistory, spans: Window) -> float | None:
    times = [_left(series.values, history.step_seconds, spans) for series in history.series]
    return min((one for one in times if one is not None), default=None)


def _left(values: Sequence[float | None], step: float, spans: Window) -> float | None:
    """The first moment since the injection from which a line was elsewhere for _STAYS_STEPS in a row."""
    start, injected = spans.baseline or 0.0, spans.injected or 0.0
    end = spans.undoing if spans.undoing is not None else spans.end
    before = [one for index, one in enumerate(values) if one is not None and start <= index * step <= injected]
    out = 0
    for index, one in enumerate(values):
        if injected < index * step <= end:
            out = out + 1 if _elsewhere(one, before) else 0
            if out == _STAYS_STEPS:
                return (index - _STAYS_STEPS + 1) * step
    return None


def _elsewhere(value: float | None, before: Sequence[float]) -> bool:
    if value is None or not before:
        return bool(before) if value is None else True  # it vanished, or appeared
    low, high = min(before), max(before)
    margin = high - low or abs(high) * _STILL_SHARE
    return not low - margin <= value <= high + margin


def _without_who_looked(facts: Sequence[AnyGameFact]) -> list[AnyGameFact]:
    """Without what people did after they had looked at the truth, but for what they claimed, which is shown."""
    looked = {fact.who: fact.number for fact in reversed(facts) if isinstance(fact, TruthShown)}

    def counts(fact: AnyGameFact) -> bool:
        if not isinstance(fact, Acknowledged | Asked | Answered):
            return True
        return fact.number < looked.get(fact.who, math.inf)

    return [fact for fact in facts if counts(fact)]


def _claims(facts: Sequence[AnyGameFact], truth: Truth, zero: float) -> list[ClaimResult]:
    """Every claim; scored are those of who did not know, made while it was there to be found."""
    known = {fact.who: fact.number for fact in reversed(facts) if isinstance(fact, TruthShown)}
    over = next((fact.number for fact in facts if isinstance(fact, HoldEnded)), math.inf)
    return [
        ClaimResult(
            fact.who,
            fact.at - zero,
            fact.component,
            fact.family,
            fact.confidence,
            truth.is_right(fact.component, fact.family),
            fact.number < min(over, known.get(fact.who, math.inf)),
        )
        for fact in facts
        if isinstance(fact, Claimed)
    ]


def _brier(claims: Sequence[ClaimResult]) -> dict[str, float]:
    last = {claim.who: claim for claim in claims if claim.scored}
    return {who: round((claim.confidence - claim.right) ** 2, 4) for who, claim in last.items()}


def _detect(facts: Sequence[AnyGameFact], zero: float, par: Par) -> Part:
    """The first thing that anybody did about it: who says or does nothing may not have seen it."""
    first = next(
        (fact.at for fact in facts if isinstance(fact, Acknowledged | Claimed | Asked) and fact.at >= zero), None
    )
    value = None if first is None else first - zero
    return Part("detect", value, par.first, words="until the first page was taken, claim made or action done")


def _acknowledge(facts: Sequence[AnyGameFact], zero: float, par: Par) -> list[Part]:
    pages = {fact.number: fact for fact in facts if isinstance(fact, Paged) and fact.firing and fact.arrived >= zero}
    taken = [fact for fact in facts if isinstance(fact, Acknowledged) and fact.page in pages]
    if not pages:
        return []
    first, took = min((fact.at - zero for fact in taken), default=None), len({fact.page for fact in taken})
    return [Part("acknowledge", first, par.page, words=f"{took} of {len(pages)} pages were taken")]


def _diagnose(claims: Sequence[ClaimResult], par: Par) -> Part:
    right = next((claim.after for claim in claims if claim.right and claim.scored and claim.after >= 0), None)
    return Part("diagnose", right, par.first, words="until the first right claim")


def _mitigate(recording: Recording, spans: Window, zero: float, par: Par, how: str) -> Part:
    if par.hurt is None:
        return Part("mitigate", None, None, words="users were never hurt")
    # What the harness puts back when time is up is nobody's mitigation.
    end = spans.end if how in _ENDED_BY_PEOPLE or spans.undoing is None else spans.undoing
    well = _well_from(recording, zero + par.hurt, end)
    return Part("mitigate", None if well is None else well - zero, par.hurt, words="until users were well for good")


def _communicate(facts: Sequence[AnyGameFact]) -> list[Part]:
    asked = [fact for fact in facts if isinstance(fact, InjectTold) and fact.within_seconds is not None]
    if not asked:
        return []
    answers: dict[int, float] = {}
    for fact in facts:
        if isinstance(fact, Answered):
            answers.setdefault(fact.inject, fact.at)
    in_time = sum(answers.get(one.number, float("inf")) - one.at <= (one.within_seconds or 0.0) for one in asked)
    return [Part("communicate", float(in_time), float(len(asked)), "answers", "answered in time")]


def _objective(facts: Sequence[AnyGameFact]) -> float | None:
    return next((fact.objective for fact in facts if isinstance(fact, RoundBegan)), None)


def _harm(recording: Recording, spans: Window, objective: float | None) -> list[Part]:
    requests = [one for phase in (Phase.DURING, Phase.AFTER) for one in spans.requests(recording, phase)]
    failed = sum(not one.ok for one in requests)
    writes = sum(not one.ok and not one.name.startswith(_READS) for one in requests)
    words = f"of {len(requests)} requests of users failed since the injection, {writes} of them writes"
    found = [Part("harm", float(failed), 0.0, "requests", words)]
    if requests and objective is not None:
        # As many requests fail as a month's users at this rate may see fail: all of it is burnt.
        allowed = len(requests) * (1 - objective / 100) * _MONTH_SECONDS / (spans.end - (spans.injected or 0.0))
        words = f"of the failures that {objective:g} % allows in 30 days, at this rate of users"
        found.append(Part("budget", round(100 * failed / allowed, 2), 0.0, "% burnt", words))
    return found


def _gaps(facts: Sequence[AnyGameFact], par: Par) -> list[str]:
    gaps = []
    if par.hurt is not None and par.page is not None and par.page > par.hurt:
        gaps.append(f"the page came {par.page - par.hurt:.0f} s after users began to hurt")
    if par.hurt is not None and par.page is None:
        gaps.append("users were hurt, and nobody was paged")
    if par.panel is not None and par.page is not None and par.panel < par.page:
        gaps.append(f"{par.panel_name} moved {par.page - par.panel:.0f} s before the page")
    pages = {fact.number for fact in facts if isinstance(fact, Paged) and fact.firing and fact.runbook}
    if pages and not any(isinstance(fact, RunbookOpened) for fact in facts):
        gaps.append("no runbook was opened")
    refused = [fact for fact in facts if isinstance(fact, Acted) and not fact.done]
    if refused:
        gaps.append(f"{len(refused)} of the actions could not be done, or did not help")
    return gaps
