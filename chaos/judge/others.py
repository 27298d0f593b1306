"""Which alerts are not the target's, where others' rules run on the same Prometheus."""

from chaos.facts.alerts import RuleSeen
from chaos.facts.recording import Facts
from chaos.facts.run import RunStarted
from chaos.spec import scope


def others(recording: Facts) -> frozenset[str]:
    """Those that cannot be, by the labels that their rules write; none where it does not say which are."""
    started = recording.first(RunStarted)
    if started is None or not started.only:
        return frozenset()
    written: dict[str, list[dict[str, str]]] = {}
    for rule in recording.all(RuleSeen):
        if not rule.records:
            written.setdefault(rule.name, []).append(rule.labels)
    return frozenset(name for name, labels in written.items() if scope.never_ours(started.only, labels))


def concerns(recording: Facts, name: str, labels: dict[str, str]) -> bool:
    """Whether an alert is the target's own, or one that the experiment names."""
    started = recording.first(RunStarted)
    if started is None or scope.ours(started.only, labels):
        return True
    listed = any(one.fits(name, labels) for one in recording.experiment.alerts)
    return listed or any(one.fits(name, labels) for one in recording.experiment.allowed)
