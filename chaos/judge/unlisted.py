"""Judges the alerts that an experiment does not list: rightly quiet, inhibited, allowed, or a surprise."""

from chaos.facts.alert_key import Key
from chaos.facts.recording import Recording
from chaos.judge.alert_evidence import AlertEvidence
from chaos.verdict import result_finding as found
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.result_finding import AlertFinding
from chaos.verdict.results import AlertResult


def judge(recording: Recording, evidence: AlertEvidence) -> list[AlertResult]:
    """What fired unasked, then what may fire, then the rules that were quiet."""
    listed = {window.name for window in recording.experiment.alerts}
    may_fire = set(recording.experiment.may_fire) - listed
    results = [_fired(key, evidence) for key in evidence.unlisted(listed | may_fire)]
    for name in sorted(may_fire):
        results += _allowed(name, evidence)
    fired = {name for name, _ in (*evidence.firing, *evidence.firing_at_baseline)}
    spoken = listed | may_fire | fired | {result.name for result in results}
    return results + [_quiet(name, evidence) for name in sorted(evidence.rules - spoken)]


def _fired(key: Key, evidence: AlertEvidence) -> AlertResult:
    # Also a page that was refused was sent: only what nobody was told about is inhibited.
    if key in evidence.inhibitors and not evidence.pages_of(key):
        return _spoke(key, AlertOutcome.INHIBITED, found.Inhibited(sorted(evidence.inhibitors[key])), evidence)
    return _spoke(key, AlertOutcome.SURPRISE, found.NotListed(), evidence)


def _allowed(name: str, evidence: AlertEvidence) -> list[AlertResult]:
    keys = [key for key in evidence.unlisted(set()) if key[0] == name]
    if keys:
        return [_spoke(key, AlertOutcome.ALLOWED, _what_it_did(key, evidence), evidence) for key in keys]
    before = any(key[0] == name for key in evidence.firing_at_baseline)
    pending = evidence.longest_pending(name)
    return [AlertResult(name, {}, AlertOutcome.ALLOWED, found.MayFireDidNot(before), pending=pending)]


def _what_it_did(key: Key, evidence: AlertEvidence) -> AlertFinding:
    accepted = sorted({page.receiver for page in evidence.pages_of(key) if page.accepted})
    return found.MayFire(accepted, sorted(evidence.inhibitors.get(key, ())))


def _spoke(key: Key, outcome: AlertOutcome, finding: AlertFinding, evidence: AlertEvidence) -> AlertResult:
    design, production = evidence.delays(key[0])
    return AlertResult(
        key[0], dict(key[1]), outcome, finding, **evidence.measure(key), design=design, production=production
    )


def _quiet(name: str, evidence: AlertEvidence) -> AlertResult:
    pending = evidence.longest_pending(name)
    held = evidence.timings[name].timing.for_seconds if name in evidence.timings else None
    if blinded := evidence.blindness.by("prometheus"):
        seconds = sum(one.end - one.start for one in blinded)
        unseen = found.Unseen(seconds)
        return AlertResult(name, {}, AlertOutcome.UNKNOWN, unseen, pending=pending, hold=held, blinded=True)
    return AlertResult(name, {}, AlertOutcome.QUIET, found.DidNotFire(pending), pending=pending, hold=held)
