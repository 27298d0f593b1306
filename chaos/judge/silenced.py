"""Which listed alerts a silence would keep from being told, whatever instance of them fires. Pure."""

from collections.abc import Iterable, Sequence

from chaos.facts.alerts import RuleSeen
from chaos.facts.inventory import Silence
from chaos.spec import routing
from chaos.spec.alert_window import AlertWindow


def listed(windows: Iterable[AlertWindow], silences: Sequence[Silence], rules: Sequence[RuleSeen]) -> list[str]:
    """In words, for each window and silence; one that takes only some of the instances keeps nobody from being told."""
    return [
        f"silence {one.id} of {one.who}, until {one.until}, matches {window.name}"
        for window in windows
        for one in silences
        if routing.accepts(one.matchers, _labels(window, rules))
    ]


def _labels(window: AlertWindow, rules: Sequence[RuleSeen]) -> dict[str, str]:
    """Those that every alert has which the window may take: what all rules of its name write, and what it asks for."""
    written = [set(rule.labels.items()) for rule in rules if rule.name == window.name and not rule.records]
    shared = set.intersection(*written) if written else set()
    plain = {name: value for name, value in shared if "{{" not in value}
    return {**plain, **window.labels, "alertname": window.name}
