"""A stack that is not ours, as commands find it: its alerts, its rules and its routing.

What it runs is asked of Prometheus and Alertmanager, by GET alone; its files say the rest.
"""

from pathlib import Path

from chaos.campaign.coverage_reading import Presently, Sources
from chaos.campaign.staleness import Present, text_of
from chaos.errors import SignalUnavailable, StackUnreachable
from chaos.facts.alerts import RuleSeen
from chaos.observe import timing
from chaos.observe.alertmanager import Alertmanager
from chaos.observe.prometheus import Prometheus
from chaos.spec import routing, rule_text, rules
from chaos.spec import target as targets
from chaos.spec.control import Shell, cannot
from chaos.spec.experiment import Vocabulary
from chaos.spec.routing import Routing
from chaos.spec.rule_text import RuleText
from chaos.spec.target import Target

_AS_PEOPLE_KEEP_THEM = ""
"""No pattern: trees, `*.rules`, PrometheusRule manifests; what else lies there is passed over."""


def vocabulary(file: Path) -> Vocabulary:
    """The names that experiments may use on the target of this file: what either its rule files or its Prometheus have.

    Waits a few seconds for a Prometheus that does not answer. Raises InvalidFile.
    """
    target = targets.read(file)
    written = _written(target)
    running = _running_or_none(target)
    # A stack of ours says which rules it was made with: one that is gone since is missed, and no unknown name.
    made = timing.scaled_alerts(Path(target.timing)) if target.timing else frozenset()
    of_files = made | {rule.name for rule in written if not rule.records}
    live = frozenset(rule.name for rule in running or () if not rule.records)
    return Vocabulary(
        (of_files | live) if target.alerting is not None else frozenset(),
        frozenset(target.instances),
        frozenset(target.links),
        bool(target.urls.prometheus),
        rules.waits(written, None),
        any_alert=target.alerting is not None and not written and running is None,
        expected=of_files or live,
        cannot=cannot(target.control) if isinstance(target.control, Shell) else {},
    )


def sources(target: Target, folder: Path, root: Path) -> Sources:
    """What a coverage matrix of it is made of. Raises StackUnreachable where nobody says which rules there are."""
    there = _rules(target)
    names = frozenset(rule.name for rule in there if not rule.records)
    return Sources(root, folder, folder, target.runs_folder, present(target, there), names)


def present(target: Target, there: tuple[RuleText, ...]) -> Presently:
    """The rules and the routing that a run would be made with now."""
    routed = _routing(target)
    return lambda _: Present(there, routed)


def _rules(target: Target) -> tuple[RuleText, ...]:
    running = _running_or_none(target)
    found = tuple(text_of(running)) if running is not None else tuple(_written(target))
    if not found:
        raise StackUnreachable(
            "which rules there are nobody says: the target names no `rules`, and no Prometheus that answers"
        )
    return found


def _written(target: Target) -> list[RuleText]:
    return (
        rule_text.read(Path(target.rules), _AS_PEOPLE_KEEP_THEM) if target.rules and target.alerting is not None else []
    )


def _running_or_none(target: Target) -> list[RuleSeen] | None:
    if not target.urls.prometheus:
        return None
    prometheus = Prometheus(target.urls.prometheus)
    try:
        return prometheus.rules_loaded()
    except SignalUnavailable:
        return None
    finally:
        prometheus.close()


def _routing(target: Target) -> Routing | None:
    if not target.urls.alertmanager:
        return None
    alertmanager = Alertmanager(target.urls.alertmanager)
    configured = alertmanager.configured()
    alertmanager.close()
    try:
        return routing.read(configured.config) if configured.error is None else None
    except ValueError:
        return None
