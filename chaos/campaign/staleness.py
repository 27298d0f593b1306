"""Whether what a recording proved is still there: its rule, its ways to the pager, the experiment."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from chaos.facts.alerts import RuleSeen
from chaos.facts.recording import Recording
from chaos.judge.alert_evidence import routing_of
from chaos.spec import rule_text, values
from chaos.spec.experiment import Experiment
from chaos.spec.routing import Routing
from chaos.spec.rule_text import RuleText
from chaos.verdict.results import AlertResult
from chaos.verdict.verdict import Verdict

NOT_RECORDED = "its recording does not say which rule it was"


@dataclass(frozen=True, slots=True)
class Present:
    """What runs would be made with now."""

    rules: tuple[RuleText, ...]
    routing: Routing | None
    """None: nobody knows."""


def stale(recording: Recording, verdict: Verdict, experiment: Experiment, present: Present) -> dict[str, str]:
    """The alerts of which this recording proves nothing any more, by name, and why."""
    names = {result.name for result in verdict.alerts if result.window is not None}
    if _written(recording.experiment) != _written(experiment.at(recording.pace)):
        return dict.fromkeys(names, "the experiment has changed since")
    then = text_of(recording.all(RuleSeen))
    routed = routing_of(recording)
    found = {}
    for result in verdict.alerts:
        if result.window is None:
            continue
        if not then:
            found[result.name] = NOT_RECORDED
        elif rule_text.digest(result.name, then) != rule_text.digest(result.name, present.rules):
            found[result.name] = "its rule, or one that it reads, has changed since"
        elif routed and present.routing and _ways(result, routed) != _ways(result, present.routing):
            found[result.name] = "its way to the pager, or what inhibits it, has changed since"
    return found


def _ways(result: AlertResult, of: Routing) -> str:
    return of.digest(result.name, result.labels)


def text_of(seen: Iterable[RuleSeen]) -> tuple[RuleText, ...]:
    """Rules as Prometheus tells them, as files would write them."""
    return tuple(
        RuleText(one.name, one.records, one.query, one.for_seconds, one.keep_firing_for_seconds, one.labels)
        for one in seen
    )


def _written(experiment: Experiment) -> bytes:
    return msgspec.json.encode(experiment, enc_hook=values.encode, order="sorted")
