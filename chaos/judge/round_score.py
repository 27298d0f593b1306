"""Scores a round from its recording: what people did, beside when the telemetry made it possible.

Par is when users began to hurt, when the first panel moved and when the first page was delivered: so a slow alert is
the alert's fault, and not the player's.
"""

import math
from collections.abc import Sequence

from chaos.facts.game import (
    Acknowledged,
    Acted,
    Answered,
    AnyGameFact,
    Asked,
    HintGiven,
    HoldEnded,
    InjectTold,
    Paged,
    RoundBegan,
    RunbookOpened,
    TruthShown,
)
from chaos.facts.recording import Recording
from chaos.judge import round_claims, round_par, window
from chaos.judge.measures import Phase
from chaos.judge.round_par import Par
from chaos.judge.window import Window
from chaos.spec.gameday.truth import Truth
from chaos.verdict.round import ClaimResult, Part, RoundScore

_MONTH_SECONDS = 30 * 86400.0
_READS = ("GET ", "HEAD ")
_PUT_BACK = "repaired"
"""How a round ends whose players knew what to have put back: the harness's undo is what they asked for."""
_BROKEN_OFF = "broken off"


def score(recording: Recording, facts: Sequence[AnyGameFact], truth: Truth) -> RoundScore:
    """The parts of one round; of one in which nothing was injected there are only the claims, which are not scored."""
    spans = window.of(recording)
    claims = round_claims.judge(facts, truth, spans.injected)
    par = round_par.par_of(recording, spans)
    return RoundScore(
        parts=[] if spans.injected is None else _parts(recording, facts, spans, par, claims),
        claims=claims,
        brier=round_claims.brier(claims),
        hints=max((fact.place for fact in facts if isinstance(fact, HintGiven)), default=0),
        hurt=par.hurt,
        panel=par.panel_name,
        ended=_how(facts, spans),
        gaps=[] if spans.injected is None else _gaps(facts, par),
        looked=list(dict.fromkeys(fact.who for fact in facts if isinstance(fact, TruthShown))),
    )


def _ended(facts: Sequence[AnyGameFact]) -> HoldEnded | None:
    return next((fact for fact in facts if isinstance(fact, HoldEnded)), None)


def _how(facts: Sequence[AnyGameFact], spans: Window) -> str:
    ended = _ended(facts)
    if ended is not None:
        return ended.how
    # Whoever played it was gone before he could say how it ends.
    return "" if spans.injected is None else _BROKEN_OFF


def _parts(
    recording: Recording, facts: Sequence[AnyGameFact], spans: Window, par: Par, claims: Sequence[ClaimResult]
) -> list[Part]:
    zero = spans.injected or 0.0
    unknowing = _without_who_looked(facts)
    diagnosed = round_claims.diagnosed(claims)
    return [
        _detect(unknowing, zero, par, diagnosed),
        *_acknowledge(unknowing, zero, par),
        Part("diagnose", diagnosed, par.first, words=f"until the first claim {round_claims.RULE}"),
        _mitigate(recording, facts, spans, par),
        *_communicate(unknowing),
        *_harm(recording, spans, _objective(facts)),
    ]


def _without_who_looked(facts: Sequence[AnyGameFact]) -> list[AnyGameFact]:
    """Without what people did after they had looked at the truth."""
    looked = {fact.who: fact.number for fact in reversed(facts) if isinstance(fact, TruthShown)}

    def counts(fact: AnyGameFact) -> bool:
        if not isinstance(fact, Acknowledged | Asked | Answered):
            return True
        return fact.number < looked.get(fact.who, math.inf)

    return [fact for fact in facts if counts(fact)]


def _detect(facts: Sequence[AnyGameFact], zero: float, par: Par, diagnosed: float | None) -> Part:
    """The first thing that anybody did about it: who says or does nothing may not have seen it."""
    done = [fact.at - zero for fact in facts if isinstance(fact, Acknowledged | Asked) and fact.at >= zero]
    # What is no diagnosis may be a guess into the blue, which costs nothing and says nothing.
    found = done if diagnosed is None else [*done, diagnosed]
    words = f"until the first page was taken, action wanted, or claim made {round_claims.RULE}"
    return Part("detect", min(found, default=None), par.first, words=words)


def _acknowledge(facts: Sequence[AnyGameFact], zero: float, par: Par) -> list[Part]:
    pages = {fact.number: fact for fact in facts if isinstance(fact, Paged) and fact.firing and fact.arrived >= zero}
    taken = [fact for fact in facts if isinstance(fact, Acknowledged) and fact.page in pages]
    if not pages:
        return []
    first, took = min((fact.at - zero for fact in taken), default=None), len({fact.page for fact in taken})
    return [Part("acknowledge", first, par.page, words=f"{took} of {len(pages)} pages were taken")]


def _mitigate(recording: Recording, facts: Sequence[AnyGameFact], spans: Window, par: Par) -> Part:
    """When users were well, as far as people did it: by an action of theirs, or by asking for the repair."""
    if par.hurt is None or spans.injected is None:
        return Part("mitigate", None, None, words="users were never hurt")
    ended = _ended(facts)
    repaired = ended is not None and ended.how == _PUT_BACK
    # What the harness puts back is nobody's mitigation, unless somebody who knew what it is asked for just that.
    end = spans.end if repaired or spans.undoing is None else spans.undoing
    acted = max((fact.at for fact in facts if isinstance(fact, Acted) and fact.done and fact.at <= end), default=None)
    well = round_par.well_from(recording, spans.injected + par.hurt, end, None if repaired else acted)
    if who := _knew(facts, ended, well):
        return Part("mitigate", None, par.hurt, words=f"not scored: {who} had looked at the truth")
    if well is None:
        until = "the end" if repaired else "what was broken was put back"
        return Part("mitigate", None, par.hurt, words=f"users were not seen to be well before {until}")
    return Part("mitigate", well - spans.injected, par.hurt, words="until users were well for good")


def _knew(facts: Sequence[AnyGameFact], ended: HoldEnded | None, well: float | None) -> str:
    """Who had looked before that was done which ended it; where no fact did, before users were well. Else empty.

    Who looked can tell the others: from then on it does not matter whose action it was.
    """
    looked = next((fact for fact in facts if isinstance(fact, TruthShown)), None)
    if looked is None:
        return ""
    if ended is None or ended.by is None:
        return looked.who if well is None or looked.at <= well else ""
    # What became of an action stands for the action itself.
    named = next((fact for fact in facts if fact.number == ended.by), None)
    deed = named.asked if isinstance(named, Acted) else ended.by
    return looked.who if looked.number < deed else ""


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
