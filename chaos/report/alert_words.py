"""Why an alert came out as it did, in words."""

from collections.abc import Callable, Iterable
from typing import Any

from chaos.report import durations
from chaos.verdict import alert_finding as found
from chaos.verdict.alert_finding import AlertFinding
from chaos.verdict.results import AlertResult

_SAY_NOTHING = ("severity", "component")
"""Labels that every instance of an alert has alike."""


def of_alert(result: AlertResult) -> str:
    """Its finding in words; empty where there is none."""
    return _SAID[type(result.finding)](result.finding) if result.finding else ""


def named(result: AlertResult) -> str:
    """Which instance it is: its name, and the labels by which it is told from others."""
    telling = {name: value for name, value in result.labels.items() if name not in _SAY_NOTHING}
    return f"{result.name}{{{_labels(telling)}}}" if telling else result.name


def _inhibits(names: Iterable[str]) -> str:
    return f"{', '.join(names)} inhibits it"


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "no labels"


def _other_labels(one: found.OtherLabels) -> str:
    return f"none with these labels; it fired with {'; '.join(_labels(labels) for labels in one.fired_with)}"


def _pending(one: found.PendingAtEnd) -> str:
    held = "" if one.hold is None else f" of {durations.spoken(one.hold)}"
    return f"its condition was true for {durations.measured(one.seconds, 1)}{held} when the run ended"


def _in_part(one: found.InhibitedInPart) -> str:
    free = durations.measured(one.free_seconds, 1)
    return f"fired, and nobody was paged: {_inhibits(one.by)}, but for {free} nothing kept its page back"


def _nobody(one: found.NobodyTold) -> str:
    by = one.inhibited_by
    return f"nobody was told: {_inhibits(by)}" if by else "it fired, but nothing arrived at the pager"


def _may_fire(one: found.MayFire) -> str:
    if one.pending:
        return "may fire; was about to"
    if one.told:
        return f"may fire; did, and {', '.join(one.told)} was told"
    return f"may fire; did, and {_inhibits(one.inhibited_by) if one.inhibited_by else 'nobody was told'}"


def _did_not(one: found.DidNotFire) -> str:
    return "did not fire" if one.pending is None else f"did not fire; pending for {durations.measured(one.pending, 1)}"


def _late(what: str) -> Callable[[Any], str]:
    return lambda one: (
        f"{what} after {durations.measured(one.seconds)}, should be within {durations.written(one.within)}"
    )


def _just(words: str) -> Callable[[Any], str]:
    return lambda _: words


_SAID: dict[type[AlertFinding], Callable[[Any], str]] = {
    found.NoAlertEvidence: _just("the run gave no evidence about it"),
    found.RuleNotRunning: _just("Prometheus does not run this rule, or not in good health"),
    found.NeverTrue: _just("its condition was never true while the fault lasted"),
    found.TrueTooShort: _just("its condition was true, but not for as long as its `for`"),
    found.OtherLabels: _other_labels,
    found.TooFew: lambda one: f"{one.number} fired, should be {one.count}",
    found.TrueBeforeFault: lambda one: f"its condition was true {durations.measured(one.seconds, 1)} before the fault",
    found.TrueAfterUndo: lambda one: (
        f"its condition came true only {durations.measured(one.seconds, 1)} after the undo"
    ),
    found.FiredBefore: _just("it fired when the baseline began, and again: nobody knows whether for the fault"),
    found.FiredAgain: lambda one: (
        f"it fired again {durations.measured(one.seconds, 1)} after the injection, after its resolution had been told"
    ),
    found.PendingAtEnd: _pending,
    found.Silenced: _just("nobody was told: a silence or a mute interval keeps it back"),
    found.InhibitedInPart: _in_part,
    found.PageRefused: lambda one: f"the pager refused it {one.times} times: {one.why}",
    found.OtherReceivers: lambda one: f"it went to {', '.join(one.receivers)}",
    found.NotReached: lambda one: f"it is routed to {', '.join(one.receivers)} as well, who was not told",
    found.ResolutionNotSent: lambda one: f"{one.receiver} is told of no resolution: its send_resolved is false",
    found.NobodyTold: _nobody,
    found.DeliveredLate: _late("delivered"),
    found.NotDueYet: lambda one: (
        f"a player ended the fault after {durations.measured(one.seconds)}; it was due within"
        f" {durations.written(one.within)}"
    ),
    found.NotUndone: _just("the fault was not undone, so nothing could resolve"),
    found.CameAndWent: _just(
        "it came and went while the fault lasted: the pager was told that it is resolved, and nothing since"
    ),
    found.NotResolved: _just("no resolved message arrived after the undo"),
    found.ResolvedLate: _late("resolved"),
    found.InTime: _just("fired, was delivered and resolved in time"),
    found.NotListed: _just("fired and is not listed"),
    found.NotOurs: lambda one: f"fired{', and somebody was paged' if one.paged else ''}; it is not ours by its labels",
    found.Inhibited: lambda one: f"fired, and nobody was paged: {_inhibits(one.by)}",
    found.MayFire: _may_fire,
    found.MayFireDidNot: lambda one: (
        "may fire; did so already before the fault" if one.fired_before else "may fire; did not"
    ),
    found.DidNotFire: _did_not,
    found.NotEvaluated: _just("did not fire, but its rule was not evaluated all the time"),
    found.NoInput: lambda one: f"did not fire, but had nothing to look at: no series of {', '.join(one.selectors)}",
    found.InputUnknown: lambda one: (
        f"did not fire, but Prometheus did not tell whether there were series of {', '.join(one.selectors)}"
    ),
    found.Unseen: lambda one: (
        f"did not fire while Prometheus told; it was blinded for {durations.measured(one.seconds, 1)}"
    ),
}
