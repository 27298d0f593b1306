"""What became of the telling of one alert: told again, told nobody, never told that it is over."""

from chaos.judge.alert_evidence import AlertEvidence
from chaos.judge.instance import Instance
from chaos.verdict import alert_finding as found
from chaos.verdict.alert_finding import AlertFinding
from chaos.verdict.outcome import AlertOutcome


def refired(one: Instance, receiver: str) -> float | None:
    """When it fired again after this receiver had been told that it is resolved; None when it did not."""
    resolved = one.accepted(receiver, fires=False, since=0.0)
    if not resolved:
        return None
    began = [stretch.start for stretch in one.firing if stretch.start > resolved[0].at]
    # The same start is a duplicate, as two Alertmanagers send it.
    known = {told.alert.fired_at for told in one.accepted(receiver, fires=True, since=0.0) if told.at < resolved[0].at}
    began += [
        told.at for told in one.accepted(receiver, fires=True, since=resolved[0].at) if told.alert.fired_at not in known
    ]
    return min(began, default=None)


def hold_seconds(name: str, evidence: AlertEvidence) -> float | None:
    """The rule's `for`; None where it is not known."""
    return evidence.timings[name].timing.for_seconds if name in evidence.timings else None


def led_astray(
    one: Instance, receivers: tuple[str, ...], evidence: AlertEvidence
) -> tuple[AlertOutcome, AlertFinding] | None:
    """What is wrong with whom it reached: not all to whom it is routed, or somebody else; None: nothing."""
    reached = {told.page.receiver for told in one.pages if told.fires and told.page.accepted}
    if missed := [name for name in receivers if name not in reached]:
        return AlertOutcome.UNDELIVERED, found.NotReached(missed)
    routed = evidence.routing.receivers(one.name, one.labels) if evidence.routing else list(reached)
    if others := sorted(reached - {*receivers, *routed}):
        return AlertOutcome.MISROUTED, found.OtherReceivers(others)
    return None


def why_stuck(one: Instance, receiver: str, evidence: AlertEvidence) -> AlertFinding:
    """Why this receiver was not told after the undo that it is resolved."""
    if evidence.routing is not None and receiver in evidence.routing.silent_on_resolution:
        return found.ResolutionNotSent(receiver)
    told = [each for each in one.pages if each.page.accepted and each.page.receiver == receiver]
    return found.NotResolved() if told[-1].fires else found.CameAndWent()


def why_undelivered(one: Instance, receivers: tuple[str, ...]) -> AlertFinding:
    """Why not all who should were told of it."""
    pages = [told.page for told in one.pages if told.fires]
    if refused := [page for page in pages if not page.accepted]:
        return found.PageRefused(len(refused), refused[0].reason)
    reached = {page.receiver for page in pages}
    if reached & set(receivers):
        return found.NotReached([name for name in receivers if name not in reached])
    if pages:
        return found.OtherReceivers(sorted({page.receiver for page in pages}))
    if one.silenced:
        return found.Silenced()
    return found.NobodyTold(one.inhibitors)
