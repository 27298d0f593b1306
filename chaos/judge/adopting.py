"""Judges the rules that a stack runs before anything is broken: what can fire, whom it would reach, what proves it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from chaos.facts.alerts import RuleSeen
from chaos.facts.inventory import Inventory, LiveAlert, RuleRuns
from chaos.judge import inputs
from chaos.spec import promql, relabel, routing, rule_text
from chaos.spec.rule_text import RuleText
from chaos.verdict.standing import Standing, Word

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Breakable:
    """What a target names that faults may aim at."""

    instances: Mapping[str, tuple[str, ...]]
    """Each with what the label `instance` of its series says."""
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a run has shown of one alert."""

    name: str
    labels: Mapping[str, str]
    """Of the alert that fired, all of them."""
    rules: tuple[RuleText, ...]
    """That ran then."""
    run_id: str
    ways: str = ""
    """The digest of its ways to the pager; empty where they were not recorded."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is beside what the servers say."""

    breakable: Breakable
    proofs: tuple[Proof, ...]
    delays: Callable[[RuleSeen], tuple[float, float] | None]
    """From a plainly visible fault to the page, and from its end to the resolved message, in seconds."""


def standings(inventory: Inventory, known: Known) -> list[Standing]:
    """Each alerting rule, in the order in which they are loaded."""
    rules = tuple(one.rule for one in inventory.rules)
    texts = tuple(text_of(rule) for rule in rules)
    return [_standing(one, rules, texts, inventory, known) for one in inventory.rules if not one.rule.records]


def text_of(rule: RuleSeen) -> RuleText:
    """A rule as files would write it."""
    return RuleText(rule.name, rule.records, rule.query, rule.for_seconds, rule.keep_firing_for_seconds, rule.labels)


def own_digest(rule: RuleText, rules: Iterable[RuleText]) -> str:
    """Of this rule alone, of several with its name, and of what it reads; empty for what is no PromQL of ours."""
    try:
        return rule_text.digest(rule.name, [rule, *(one for one in rules if one.records)])
    except ValueError:
        return ""


def _standing(
    one: RuleRuns, rules: Sequence[RuleSeen], texts: Sequence[RuleText], inventory: Inventory, known: Known
) -> Standing:
    rule = one.rule
    needs = inputs.needs_of(rule, rules)
    has_input, missing = _input(needs, inventory.seen)
    given = {name for each in needs for selector in each for name in inventory.seen.get(selector) or ()}
    values = _values(rule)
    # What asks whether somebody is missing has no series of his, and names him.
    instances = [name for name, gives in known.breakable.instances.items() if (given | values) & {name, *gives}]
    links = [link for link in known.breakable.links if link in values]
    live = [alert for alert in inventory.live if _is_of(alert, rule)]
    reach = _Reach.of(rule, inventory, live)
    text = text_of(rule)
    digest = own_digest(text, texts)
    waits = known.delays(rule)
    made = Standing(
        name=rule.name,
        group=rule.group,
        labels=rule.labels,
        digest=digest,
        word=Word.NEVER_PROVEN,
        why="nothing that the target names gives what it looks at",
        evaluated=not one.why_not,
        has_input=has_input,
        receivers=list(reach.receivers),
        perhaps=reach.perhaps,
        kept_back=list(reach.kept_back),
        delay_seconds=waits[0] if waits else None,
        resolved_seconds=waits[1] if waits else None,
        tells_of_death=_tells_of_death(rule),
        instances=instances,
        links=links,
        firing=len(live),
    )
    word, why = _word(one, made, missing, reach, _proof(text, digest, known.proofs, inventory))
    return msgspec.structs.replace(made, word=word, why=why)


def _word(one: RuleRuns, made: Standing, missing: Sequence[str], reach: "_Reach", proof: str) -> tuple[Word, str]:
    if one.why_not:
        return Word.CANNOT_FIRE, f"it is not evaluated: {one.why_not}"
    if made.has_input is False:
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        return Word.CANNOT_FIRE, f"in the last hour there was no series of {', '.join(missing[:_MOST_NAMED])}{more}"
    if reach.nobody:
        return Word.REACHES_NOBODY, reach.nobody
    if proof:
        return Word.PROVEN, proof
    if made.instances or made.links:
        named = [*made.instances, *made.links]
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        return Word.PROVABLE, f"it looks at {', '.join(named[:_MOST_NAMED])}{more}"
    return Word.NEVER_PROVEN, made.why


def _input(needs: Sequence[frozenset[str]], seen: Mapping[str, frozenset[str] | None]) -> tuple[bool | None, list[str]]:
    """Whether one set of what it needs was there, None where nobody told; and else what was not."""
    told = [[seen.get(selector) for selector in alternative] for alternative in needs]
    if any(all(each for each in alternative) for alternative in told):
        return True, []
    if any(not any(each == frozenset() for each in alternative) for alternative in told):
        return None, []
    return False, sorted({one for alternative in needs for one in alternative if seen.get(one) == frozenset()})


def _tells_of_death(rule: RuleSeen) -> bool:
    try:
        return promql.of_each(rule.query) and "up" in {promql.name_of(one) for one in promql.selectors(rule.query)}
    except ValueError:
        return False


def _is_of(alert: LiveAlert, rule: RuleSeen) -> bool:
    return alert.name == rule.name and all(
        alert.labels.get(name) == value for name, value in rule.labels.items() if "{{" not in value
    )


def _values(rule: RuleSeen) -> set[str]:
    """The values that its labels and its selectors name."""
    try:
        asked = {value for selector in promql.selectors(rule.query) for value in promql.asked(selector)}
    except ValueError:
        asked = set()
    return {*rule.labels.values(), *asked}


def _proof(rule: RuleText, digest: str, proofs: Iterable[Proof], inventory: Inventory) -> str:
    for one in proofs:
        if one.name != rule.name or not digest:
            continue
        same = [then for then in one.rules if then.name == rule.name and not then.records]
        if not any(own_digest(then, one.rules) == digest and _fits(then, one.labels) for then in same):
            continue
        now = inventory.routing.digest(one.name, one.labels) if inventory.routing else ""
        if not (one.ways and now) or one.ways == now:
            return f"run {one.run_id}"
    return ""


def _fits(rule: RuleText, labels: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in rule.labels.items() if "{{" not in value)


@dataclass(frozen=True, slots=True)
class _Reach:
    """Whom a rule's alerts would reach."""

    receivers: tuple[str, ...]
    perhaps: bool
    kept_back: tuple[str, ...]
    nobody: str
    """Why nobody is told, whatever it fires with; empty where somebody may be."""

    @classmethod
    def of(cls, rule: RuleSeen, inventory: Inventory, live: Sequence[LiveAlert]) -> "_Reach":
        if inventory.routing is None:
            return cls((), False, tuple(_kept(live)), "")
        labels = {**inventory.external, **{name: each for name, each in rule.labels.items() if "{{" not in each}}
        try:
            arriving, surely = relabel.possible(labels | {"alertname": rule.name}, inventory.relabel)
        except ValueError:
            return cls((), False, tuple(_kept(live)), "")
        if arriving is None:
            return cls(
                (), False, tuple(_kept(live)), "Prometheus sends it to nobody: its alert_relabel_configs drop it"
            )
        labels = {name: value for name, value in arriving.items() if name != "alertname"}
        name = arriving.get("alertname", rule.name)
        ways, perhaps = inventory.routing.possible(name, labels)
        told = [str(way["receiver"]) for way in ways] + [receiver for one in live for receiver in one.receivers]
        names = tuple(dict.fromkeys(told))
        behind = tuple(one for one in names if one not in inventory.routing.empty)
        kept = [f"muted by {interval}" for way in ways for interval in way.get("mute_time_intervals") or ()]
        kept += [f"told only in {interval}" for way in ways for interval in way.get("active_time_intervals") or ()]
        kept += [f"inhibited by {source}" for source in inventory.routing.may_inhibit(name, labels)]
        nobody = "" if behind else f"{', '.join(names)} has nothing behind it"
        for one in inventory.silences:
            accepted = routing.accepts(one.matchers, arriving)
            if accepted is not False:
                words = f"silence {one.id} of {one.who} until {one.until}"
                kept.append(words if accepted else f"{words}, for some of its labels")
                nobody = nobody or (words if accepted else "")
        return cls(behind, perhaps or not surely, tuple(dict.fromkeys([*kept, *_kept(live)])), nobody)


def _kept(live: Iterable[LiveAlert]) -> list[str]:
    return [f"now: {why}" for one in live for why in one.kept_back]
