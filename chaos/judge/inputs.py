"""Whether each alert's rule had something to look at: what looks at nothing is not quiet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaos.facts.alerts import RuleLoaded, RuleSeen, SelectorSeen
from chaos.facts.recording import Recording
from chaos.judge.in_place import in_place
from chaos.judge.window import Window
from chaos.spec import promql
from chaos.spec.promql import Alternatives

_SETTLES_SCRAPES = 2.0
"""A series is there until the next scrape fails, and that may time out."""


@dataclass(frozen=True, slots=True)
class Unfed:
    """A rule that had input in the baseline, and none while the fault was held."""

    selectors: tuple[str, ...]
    """Those that had series, and have none."""
    by_design: bool
    """Whether the fault took all who give them."""
    told: bool = True
    """Whether Prometheus told which series there were; else nobody knows."""


def selectors(rules: Iterable[RuleSeen]) -> list[str]:
    """Every selector that an alert looks at, through recording rules as well; to be asked when the run is over."""
    found: dict[str, None] = {}
    known = tuple(rules)
    for rule in known:
        if not rule.records:
            for alternative in _needs(rule.query, _recorded(known)):
                found |= dict.fromkeys(sorted(alternative))
    return list(found)


def needs_of(rule: RuleSeen, rules: Iterable[RuleSeen]) -> Alternatives:
    """The sets of scraped series of which one has to be there for it to answer, through recording rules as well."""
    return _needs(rule.query, _recorded(rules))


def unfed(recording: Recording, window: Window) -> dict[str, Unfed]:
    """The alerts whose rule lost its input, by name; empty where nothing was recorded of it."""
    # While it is put back, what was taken may be back already: only the hold counts.
    end = window.undoing if window.undoing is not None else window.undone
    if window.baseline is None or window.injected is None or end is None:
        return {}
    seen = {one.selector: one for one in recording.all(SelectorSeen) if one.error is None}
    unknown = {one.selector for one in recording.all(SelectorSeen) if one.error is not None} - seen.keys()
    before = {name for name, one in seen.items() if _present(one, window.baseline, window.injected)}
    scrapes = {rule.alert: rule.timing.scrape_seconds for rule in recording.all(RuleLoaded)}
    taken = {name for one in in_place(recording, window) for name in one.said.takes}
    rules = recording.all(RuleSeen)
    found = {}
    for rule in rules:
        settled = _SETTLES_SCRAPES * scrapes.get(rule.name, recording.pace.beat) + recording.pace.look
        began = window.injected + settled
        if began >= end:
            continue  # held for too short to lose it
        during = {name for name, one in seen.items() if _present(one, began, end)}
        needs = () if rule.records else _needs(rule.query, _recorded(rules))
        if not_told := unknown.intersection(*needs, frozenset().union(*needs)) if needs else set():
            found[rule.name] = Unfed(tuple(sorted(not_told)), by_design=False, told=False)
            continue
        if _fed(needs, before) and not _fed(needs, during):
            lost = tuple(sorted(frozenset().union(*needs) & before - during))
            found[rule.name] = Unfed(lost, all(_givers(seen[name], window) <= taken for name in lost))
    return found


def _present(one: SelectorSeen, start: float, end: float) -> bool:
    return any(first <= end and last >= start for stretches in one.present.values() for first, last in stretches)


def _givers(one: SelectorSeen, window: Window) -> set[str]:
    start, end = window.baseline or 0.0, window.injected or 0.0
    return {
        instance
        for instance, stretches in one.present.items()
        if any(first <= end and last >= start for first, last in stretches)
    }


def _fed(needs: Alternatives, present: set[str]) -> bool:
    return any(alternative <= present for alternative in needs)


def _recorded(rules: Iterable[RuleSeen]) -> dict[str, list[str]]:
    """Of each name all that record it: one for each job, say, and any of them gives series."""
    found: dict[str, list[str]] = {}
    for rule in rules:
        if rule.records:
            found.setdefault(rule.name, []).append(rule.query)
    return found


def _needs(query: str, recorded: Mapping[str, Sequence[str]], below: frozenset[str] = frozenset()) -> Alternatives:
    """What a rule needs of scraped series: a recorded one is there as long as what it is made of."""
    found: list[frozenset[str]] = []
    try:
        asked = promql.needs(query)
    except ValueError:
        # A dialect that we cannot read: what it needs is not known, and it is not judged by it.
        return (frozenset(),)
    for alternative in asked:
        parts: Alternatives = (frozenset(),)
        for selector in sorted(alternative):
            name = promql.name_of(selector)
            inner: Alternatives = (frozenset({selector}),)
            if name in recorded and name not in below:
                inner = promql.few(
                    one for recording in recorded[name] for one in _needs(recording, recorded, below | {name})
                )
            parts = promql.few(one | other for one in parts for other in inner)
        found += parts
    return promql.few(found)
