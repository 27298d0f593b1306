"""Why one check, alert or panel came out as it did, in words; empty where there is nothing to say."""

from typing import assert_never

from chaos.verdict import result_finding as found
from chaos.verdict.result_finding import AlertFinding, CheckFinding, Incomparable, PanelFinding
from chaos.verdict.results import AlertResult, CheckResult, PanelResult

_INCOMPARABLE = {
    Incomparable.NO_PHASES: "the run has no baseline, fault and undo to compare",
    Incomparable.TOO_SHORT: "the phases are too short to compare",
    Incomparable.NO_NUMBERS: "it shows no number, or too few, before and during the fault",
}


def of_check(result: CheckResult) -> str:
    """Of a check in a phase."""
    return _check(result.finding) if result.finding else ""


def of_alert(result: AlertResult) -> str:
    """Of an alert."""
    return _alert(result.finding) if result.finding else ""


def of_panel(result: PanelResult) -> str:
    """Of a panel."""
    return _panel(result.finding) if result.finding else ""


def _check(finding: CheckFinding) -> str:
    match finding:
        case found.PhaseNeverCame():
            return "the run never came to this phase"
        case found.RequestsTooFew():
            return f"{finding.number} requests are too few, at least {finding.needed} are needed"
        case found.SamplesBroken():
            return f"{finding.number} of {finding.of} samples break it"
        case found.SamplesMissing():
            return f"{finding.number} of {finding.of} samples are missing" if finding.of else "there is no sample"
        case found.BackAfter():
            return f"from {finding.seconds:.1f} s after the undo"
        case found.WatchedTooShort():
            return "it was not watched for long enough"
        case found.NotBack():
            return f"not back within {finding.within:g} s"
    assert_never(finding)


def _alert(finding: AlertFinding) -> str:
    match finding:
        case found.PageRefused():
            return f"the pager refused it {finding.times} times: {finding.why}"
        case found.OtherReceivers():
            return f"it went to {', '.join(finding.receivers)}"
        case found.NobodyTold(inhibited_by=by):
            return f"nobody was told: {_inhibits(by)}" if by else "it fired, but nothing arrived at the pager"
        case found.DeliveredLate():
            return f"delivered after {finding.seconds:.2f} s, should be within {finding.within:g}s"
        case found.ResolvedLate():
            return f"resolved after {finding.seconds:.2f} s, should be within {finding.within:g}s"
        case found.Inhibited():
            return f"fired, and nobody was paged: {_inhibits(finding.by)}"
        case found.MayFire():
            return f"may fire; did, and {_what_it_did(finding)}"
        case found.MayFireDidNot():
            return "may fire; did so already before the fault" if finding.fired_before else "may fire; did not"
        case found.DidNotFire(pending=pending):
            return "did not fire" if pending is None else f"did not fire; pending for {pending:.1f} s"
        case found.Unseen():
            return f"did not fire while Prometheus told; it was blinded for {finding.seconds:.1f} s"
        case _:
            return _ALERT[type(finding)]


_ALERT: dict[type[AlertFinding], str] = {
    found.NoAlertEvidence: "the run gave no evidence about it",
    found.RuleNotRunning: "Prometheus does not run this rule, or not in good health",
    found.NeverTrue: "its condition was never true while the fault lasted",
    found.TrueTooShort: "its condition was true, but not for as long as its `for`",
    found.NotUndone: "the fault was not undone, so nothing could resolve",
    found.CameAndWent: (
        "it came and went while the fault lasted: the pager was told that it is resolved, and nothing since"
    ),
    found.NotResolved: "no resolved message arrived after the undo",
    found.InTime: "fired, was delivered and resolved in time",
    found.NotListed: "fired and is not listed",
}
"""Findings that have nothing to fill in."""


def _what_it_did(finding: found.MayFire) -> str:
    if finding.told:
        return f"{', '.join(finding.told)} was told"
    return _inhibits(finding.inhibited_by) if finding.inhibited_by else "nobody was told"


def _inhibits(names: list[str]) -> str:
    return f"{', '.join(names)} inhibits it"


def _panel(finding: PanelFinding) -> str:
    match finding:
        case found.PanelUnread():
            return finding.error
        case found.PanelIncomparable():
            return _INCOMPARABLE[finding.why]
        case found.LineAppeared():
            return f"{finding.line}: appeared, {finding.now:.4g}"
        case found.LineVanished():
            return f"{finding.line}: was {_range(finding.low, finding.high)}, vanished"
        case found.LineBecame(now=None):
            return f"{finding.line}: stayed {finding.was:.4g}"
        case found.LineBecame():
            return f"{finding.line}: was {finding.was:.4g}, became {finding.now:.4g}"
        case found.LineMoved():
            was = _range(finding.low, finding.high)
            outside = f"{finding.widths:.2f} widths outside"
            return f"{finding.line}: was {was}, then {finding.mean:.4g} on average, {outside}"
    assert_never(finding)


def _range(low: float, high: float) -> str:
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
