"""Why one check or panel came out as it did, in words; empty where there is nothing to say."""

from typing import assert_never

from chaos.report import durations
from chaos.verdict import result_finding as found
from chaos.verdict.result_finding import CheckFinding, Incomparable, PanelFinding
from chaos.verdict.results import CheckResult, FrequentError, PanelResult

_INCOMPARABLE = {
    Incomparable.NO_PHASES: "the run has no baseline, fault and undo to compare",
    Incomparable.TOO_SHORT: "the phases are too short to compare",
    Incomparable.NO_NUMBERS: "it shows no number, or too few, before and during the fault",
}


def of_check(result: CheckResult) -> str:
    """Of a check in a phase."""
    return _check(result.finding) if result.finding else ""


def of_error(frequent: FrequentError) -> str:
    """What most failed requests had."""
    return f"most often: {frequent.error} ({frequent.number} of {frequent.of} that failed)"


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
            return _missing(finding)
        case found.BackAfter():
            return f"from {durations.measured(finding.seconds, 1)} after the undo"
        case found.WatchedTooShort():
            return "it was not watched for long enough"
        case found.NotBack():
            return f"not back within {durations.spoken(finding.within)}"
    assert_never(finding)


def _missing(finding: found.SamplesMissing) -> str:
    said = f"{finding.number} of {finding.of} samples are missing" if finding.of else "there is no sample"
    if finding.error:
        return f"{said}: {finding.error}"
    if finding.several:
        named = ", ".join(finding.series) + (", …" if finding.several > len(finding.series) else "")
        return f"{said}: {finding.several} series instead of one number, {named}; add them up, as with sum()"
    return said


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
