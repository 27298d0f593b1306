"""Judges the alerts that no window takes: another's shadow, allowed, or a surprise; and the rules that were quiet."""

from collections.abc import Iterable

from chaos.facts.recording import Recording
from chaos.judge.alert_evidence import AlertEvidence, Measured
from chaos.judge.instance import Instance
from chaos.judge.stretch import Stretch, overlap
from chaos.judge.telling import hold_seconds, refired, why_undelivered
from chaos.spec import scope
from chaos.spec.alert_window import MayFire
from chaos.verdict import alert_finding as found
from chaos.verdict.alert_finding import AlertFinding
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult

_Judged = tuple[AlertOutcome, AlertFinding]


def judge(recording: Recording, left: Iterable[Instance], evidence: AlertEvidence) -> list[AlertResult]:
    """What fired unasked or may fire, then what may fire and did not, then the rules that were quiet."""
    allowed = recording.experiment.allowed
    results = [_instance(one, allowed, evidence) for one in left]
    spoken = {window.name for window in recording.experiment.alerts} | {result.name for result in results}
    for name in sorted({one.name for one in allowed} - spoken):
        before = any(key[0] == name for key in evidence.firing_at_baseline)
        pending = evidence.longest_pending(name)
        results.append(AlertResult(name, {}, AlertOutcome.ALLOWED, found.MayFireDidNot(before), pending=pending))
        spoken.add(name)
    spoken |= {name for name, _ in evidence.firing_at_baseline}
    return results + [_quiet(name, evidence) for name in sorted(evidence.rules - spoken - evidence.others)]


def _instance(one: Instance, allowed: Iterable[MayFire], evidence: AlertEvidence) -> AlertResult:
    receiver = evidence.receivers_of(one.name, one.labels)[0]
    measured = evidence.measure(one, receiver)
    permission = next((each for each in allowed if each.fits(one.name, one.labels)), None)
    outcome: AlertOutcome
    finding: AlertFinding
    if permission is None and not scope.ours(evidence.only, one.labels):
        outcome, finding = AlertOutcome.NOT_OURS, found.NotOurs(one.paged)
    elif permission is None:
        outcome, finding = _surprising(one, evidence)
    else:
        outcome, finding = _permitted(permission, one, measured, receiver, evidence)
    design, production = evidence.delays(one.name)
    return AlertResult(one.name, one.labels, outcome, finding, **measured, design=design, production=production)


def _surprising(one: Instance, evidence: AlertEvidence) -> _Judged:
    # Also a page that was refused was sent: only what nobody was told about is kept back.
    if one.paged:
        return AlertOutcome.SURPRISE, found.NotListed()
    if not one.fired:
        pending = one.true[-1].seconds
        return AlertOutcome.PENDING, found.PendingAtEnd(pending, hold_seconds(one.name, evidence))
    if one.silenced:
        return AlertOutcome.SILENCED, found.Silenced()
    if not one.inhibited:
        return AlertOutcome.SURPRISE, found.NotListed()
    if (free := _free_seconds(one, evidence)) > 0:
        return AlertOutcome.PARTLY, found.InhibitedInPart(one.inhibitors, free)
    return AlertOutcome.INHIBITED, found.Inhibited(one.inhibitors)


def _free_seconds(one: Instance, evidence: AlertEvidence) -> float:
    """For how long nothing kept its page back; 0 where that is too short for a page."""
    inhibited: tuple[Stretch, ...] = tuple(stretch for stretch, _ in one.inhibited)
    free = one.free_seconds(inhibited)
    return free if free > _page_takes_seconds(one, evidence) else 0.0


def _could_be_told(one: Instance, evidence: AlertEvidence) -> bool:
    """Whether it fired long enough for a page while nothing kept it back, and Alertmanager was not away by design."""
    kept = [stretch for stretch, _ in one.inhibited]
    kept += [Stretch(blinded.start, blinded.end) for blinded in evidence.blindness.by("alertmanager")]
    fired = sum(stretch.seconds for stretch in one.firing)
    free = fired - sum(overlap(firing, back) for firing in one.firing for back in kept)
    return free > _page_takes_seconds(one, evidence)


def _page_takes_seconds(one: Instance, evidence: AlertEvidence) -> float:
    rule = evidence.timings.get(one.name)
    # Of a group that was told of before, the page waits for its next turn.
    sent_after = max(rule.timing.group_wait_seconds, rule.timing.group_interval_seconds) if rule else 0.0
    # Between two looks at Alertmanager nobody knows whether an alert is still kept back.
    return sent_after + evidence.pace.look


def _permitted(
    permission: MayFire, one: Instance, measured: Measured, receiver: str, evidence: AlertEvidence
) -> _Judged:
    """What may fire has to be told and to resolve all the same."""
    told = sorted({each.page.receiver for each in one.pages if each.fires and each.page.accepted})
    did = found.MayFire(told, one.inhibitors, pending=not one.fired)
    if not one.fired or (not one.paged and not _could_be_told(one, evidence)):
        return AlertOutcome.ALLOWED, did
    delivered, resolved = measured["delivered"], measured["resolved"]
    if delivered is None:
        return _unless_old(one, evidence, AlertOutcome.UNDELIVERED, why_undelivered(one, (receiver,)), did)
    within = permission.fires_within
    if within is not None and delivered > within.in_seconds:
        return AlertOutcome.LATE, found.DeliveredLate(delivered, within.in_seconds)
    cleared = one.accepted(receiver, fires=False, since=0.0)
    if not cleared:
        return _unless_old(one, evidence, AlertOutcome.STUCK, found.NotResolved(), did)
    if (again := refired(one, receiver)) is not None and again > cleared[-1].at:
        told_again = found.FiredAgain(again - (evidence.span.injected or 0.0))
        return _unless_old(one, evidence, AlertOutcome.STUCK, told_again, did)
    within = permission.resolves_within
    if within is not None and resolved is not None and resolved > within.in_seconds:
        return AlertOutcome.STUCK, found.ResolvedLate(resolved, within.in_seconds)
    return AlertOutcome.ALLOWED, did


def _unless_old(
    one: Instance, evidence: AlertEvidence, outcome: AlertOutcome, finding: AlertFinding, did: AlertFinding
) -> _Judged:
    # A run of an earlier release, or one that knows no timing, ended without waiting for it: that says nothing.
    return (outcome, finding) if evidence.watched_to_the_end(one.name) else (AlertOutcome.ALLOWED, did)


def _quiet(name: str, evidence: AlertEvidence) -> AlertResult:
    pending = evidence.longest_pending(name)
    held = hold_seconds(name, evidence)
    if blinded := evidence.blindness.by("prometheus"):
        unseen = found.Unseen(sum(one.end - one.start for one in blinded))
        return AlertResult(name, {}, AlertOutcome.UNKNOWN, unseen, pending=pending, hold=held, blinded=True)
    if name in evidence.standing:
        return AlertResult(name, {}, AlertOutcome.UNKNOWN, found.NotEvaluated(), pending=pending, hold=held)
    if (lost := evidence.unfed.get(name)) is not None:
        selectors = list(lost.selectors)
        without = found.NoInput(selectors) if lost.told else found.InputUnknown(selectors)
        return AlertResult(name, {}, AlertOutcome.UNKNOWN, without, pending=pending, hold=held, blinded=lost.by_design)
    return AlertResult(name, {}, AlertOutcome.QUIET, found.DidNotFire(pending), pending=pending, hold=held)
