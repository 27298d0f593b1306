"""Three hints a round, made from the truth: which alert, which panel, which kind; each says more."""

from collections.abc import Sequence

from chaos.spec.experiment import Experiment
from chaos.spec.faults.table import AnyFault
from chaos.spec.gameday.deck import Card
from chaos.spec.gameday.truth import FAMILIES, Truth
from chaos.spec.panel import Panel
from chaos.spec.target import Target

NUMBER = 3


def of(card: Card, experiment: Experiment, truth: Truth, panels: Sequence[Panel], target: Target) -> tuple[str, ...]:
    """Those that the card has, else the ones that the experiment's own truth makes."""
    if card.hints:
        return tuple(card.hints[:NUMBER])
    return (_alert(experiment), _panel(experiment, panels, target), _kind(truth))


def _alert(experiment: Experiment) -> str:
    if not experiment.alerts:
        return "No alert has to come for this. What do users see, and what is only unusual?"
    return f"Of all that may page, {experiment.alerts[0].name} says most. What does its runbook ask first?"


def _panel(experiment: Experiment, panels: Sequence[Panel], target: Target) -> str:
    if not (shown := _telling(experiment, panels, target)):
        return "Compare the instances with each other, and each dependency with what it was before. What stands out?"
    return f"Look at the panel {shown[0].title!r} of the dashboard {shown[0].dashboard!r}. What moved, and when?"


def _telling(experiment: Experiment, panels: Sequence[Panel], target: Target) -> list[Panel]:
    """Those that say that they move, else those of the runbook of the alert that says most; what tells most first."""
    named = {_as_panels_name_it(fault, target) for fault in experiment.faults}
    places = {alert.name: place for place, alert in reversed(list(enumerate(experiment.alerts)))}
    words = [value.lower() for alert in experiment.alerts[:1] for value in alert.labels.values()]

    def place(panel: Panel) -> int:
        return min((places[name] for name in panel.runbooks if name in places), default=len(places))

    def tells_less(panel: Panel) -> tuple[int, bool]:
        called = f"{panel.dashboard} {panel.title}".lower()
        return place(panel), not any(word in called for word in words)

    about = [panel for panel in panels if place(panel) == 0 and places]
    return sorted([panel for panel in panels if named.intersection(panel.moves_with)] or about, key=tells_less)


def _as_panels_name_it(fault: AnyFault, target: Target) -> str:
    kind, aim = str(type(fault).__struct_config__.tag), fault.aims_at()
    role = target.instances[aim].role if aim in target.instances else aim
    return kind if role is None else f"{kind} {role}"


def _kind(truth: Truth) -> str:
    return f"It is of this kind: {'; or: '.join(FAMILIES[family] for family in truth.families)}."
