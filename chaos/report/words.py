"""Findings in words: the one place where the judge's reasons become sentences."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from chaos.facts.run import FORMAT
from chaos.report import alert_words, durations, result_words
from chaos.spec.faults.measure import Measure
from chaos.verdict import ledger_finding as ledgers
from chaos.verdict import run_finding as found
from chaos.verdict.catalogue import Entry
from chaos.verdict.finding import Refutation
from chaos.verdict.ledger_finding import LedgerFinding, OrderFate
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult, CheckResult, PanelResult
from chaos.verdict.run_finding import EvidenceFinding, LoadFinding, PageFinding, RunFinding, WatchFinding
from chaos.verdict.verdict import AnyFinding, Outcome, Verdict

_NAMED = 3
"""So many of what is lost are named."""
_FATES = {
    OrderFate.LOST: "acknowledged and lost",
    OrderFate.MISMATCHED: "acknowledged and not found under their id",
    OrderFate.DOUBLED: "doubled by a retry",
    OrderFate.REFUSED_BUT_FOUND: "refused and yet there",
}

_MET = {
    Measure.INSTANCES: "{0.part} received {0.number:.0f} bytes in the baseline",
    Measure.LINKS: "callers sent {0.number:.0f} bytes through link {0.part} in the baseline",
    Measure.SERVERS: "HAProxy gave {0.part} {0.number:.0f} requests in the baseline",
    Measure.COMMANDS: "clients gave {0.part} {0.number:.0f} commands in the baseline",
    Measure.STATEMENTS: "clients used tables of {0.part} {0.number:.0f} times in the baseline",
    Measure.WAITS: "{0.number:.0f} statements were seen waiting ({0.part})",
    Measure.PAGES: "{0.number:.0f} pages were refused ({0.part})",
    Measure.NOTICES: "Alertmanager was given {0.number:.0f} alerts while it lasted ({0.part})",
    Measure.USERS: "users asked {0.number:.0f} times while it lasted ({0.part})",
}


def of_settings(settings: Mapping[str, str]) -> str:
    """What the system was told beyond its defaults."""
    return ", ".join(f"{name}={value}" for name, value in sorted(settings.items()))


def reasons(verdict: Verdict) -> list[str]:
    """Why it is not `held`, what refutes the claim first; empty when it is."""
    if ended := [one for one in verdict.findings if isinstance(one, RunFinding)]:
        broken = verdict.checks if verdict.outcome is Outcome.DEVIATED else []
        return [*(of(one) for one in ended), *(of_check(one) for one in broken if one.holds is False)]
    refuted = [one for one in verdict.findings if isinstance(one, Refutation)]
    unknown = [one for one in verdict.findings if not isinstance(one, Refutation)]
    return [
        *(of_check(one) for one in verdict.checks if one.holds is False),
        *(of_alert(one) for one in verdict.alerts if one.outcome.wrong),
        *(of(one) for one in refuted),
        *(of_panel(one) for one in verdict.panels if one.wrong),
        *(of(one) for one in unknown if isinstance(one, EvidenceFinding | PageFinding)),
        *(of_check(one) for one in verdict.checks if one.holds is None),
        *(of(one) for one in unknown if isinstance(one, LedgerFinding)),
        *(of_panel(one) for one in verdict.panels if one.unknown),
        *(of_alert(one) for one in verdict.alerts if one.outcome.open and not one.blinded),
    ]


_SINCE_FORMAT_2 = (
    "what became of alerts that were pending, or may fire, when the run ended",
    "whether each rule had something to look at, and was evaluated",
    "which rules and which routing there were",
    "how far clocks were apart",
    "whether facts are lost",
    "whether anybody met a fault of what answers no users, or a staged one",
)


def not_recorded(verdict: Verdict) -> list[str]:
    """What a recording of an earlier format does not say: neither for its claim nor against it."""
    return list(_SINCE_FORMAT_2) if verdict.format < FORMAT else []


def why_not(entry: Entry) -> list[str]:
    """Why an experiment of a catalogue run did not hold; empty when it did."""
    if entry.held:
        return []
    said = reasons(entry.verdict) if entry.verdict else [entry.detail]
    return said or [f"the runner ended with {entry.exit_code}"]


def of_check(result: CheckResult) -> str:
    """Why a check is broken or unknown, with its name."""
    often = f"; {result_words.of_error(result.frequent)}" if result.frequent else ""
    if result.holds is None or result.measured is None:
        return f"{result.name}, {result.phase}: {result_words.of_check(result)}{often}"
    return f"{result.name}, {result.phase}: {result.measured:.4g}, should be {result.bound}{often}"


def of_alert(result: AlertResult) -> str:
    """Why an alert's outcome is what it is, with its name."""
    word = "" if result.outcome is AlertOutcome.UNKNOWN else f" {result.outcome.value}"
    return f"{alert_words.named(result)}{word}: {alert_words.of_alert(result)}"


def of_panel(result: PanelResult) -> str:
    """Why a panel is wrong or unknown, with its name."""
    said = result_words.of_panel(result)
    if result.wrong:
        said = f" did not move: {said}" if result.expected else f" moved with nothing broken: {said}"
        return f"panel {result.dashboard} / {result.panel}{said}"
    return f"panel {result.dashboard} / {result.panel}: {said}"


def of(finding: AnyFinding) -> str:
    """One finding about the run, its evidence or its ledgers."""
    if isinstance(finding, RunFinding):
        return _run(finding)
    if isinstance(finding, LoadFinding):
        return _load(finding)
    if isinstance(finding, PageFinding):
        return _page(finding)
    return _watch(finding) if isinstance(finding, WatchFinding) else _ledger(finding)


def _run(finding: RunFinding) -> str:
    match finding:
        case found.RunEndedEarly():
            return f"{finding.how}: {finding.detail}"
        case found.NothingInjected():
            return "the run says it is complete, and nothing was injected"
        case found.VictimIdle():
            answered = f"{finding.instance} answered {finding.answered} of the users' requests in the baseline"
            return f"{answered}, at least {finding.needed} are needed"
        case found.NobodyMet():
            return f"{_MET[Measure(finding.measure)].format(finding)}, at least {finding.least:g} are needed"
    assert_never(finding)


def _load(finding: LoadFinding) -> str:
    match finding:
        case found.LoadNeverAtRate():
            return "the load never came to its rate"
        case found.LoadStoodStill():
            return f"the load did not run for {finding.seconds} s"
        case found.LoadOffRate(lowest=lowest, highest=highest):
            rates = f"{lowest:.0f} to {highest:.0f}" if lowest else "nothing"
            return f"the load came at {rates} requests/s instead of {finding.nominal:g}"
        case found.LoadCutOff():
            return "the load did not end in order, so requests in flight are not known"
    assert_never(finding)


def _watch(finding: WatchFinding) -> str:
    match finding:
        case found.EffectUnknown():
            return f"nobody counted whether somebody met the fault ({finding.fault})"
        case found.FaultUnwatched():
            which = "the fault" if finding.staged is None else f"staged fault {finding.staged + 1}"
            return f"nobody looked for {durations.measured(finding.seconds, 0)} whether {which} was in place"
        case found.SourceSilent():
            why = finding.error or "nobody asked it"
            return f"{finding.source} told nothing for {durations.measured(finding.seconds, 0)} ({why})"
        case found.AlertHistoryMissing():
            return "Prometheus did not tell the history of its alerts at the end"
        case found.NoRules():
            return "Prometheus runs no alerting rule"
        case found.RulesNotRunning():
            named = ", ".join(finding.alerts)
            return f"rules that should run do not, so their silence says nothing: {named}"
        case found.FactsLost():
            return f"{finding.number} facts of the kind {finding.kind} were written and are lost"
        case found.ClockMoved():
            return f"the clock of {finding.source} moved by {durations.measured(finding.seconds, 1)} against ours"
        case found.OutOfOrder():
            early = durations.measured(finding.seconds, 1)
            return f"{finding.source} told of something {early} before it was: clocks differ"
        case found.ObserverEnded():
            return f"nobody looked at {finding.source} in the last {durations.measured(finding.seconds, 0)}"
        case found.PagerSilentAtEnd():
            return f"the pager told nothing at the end: {finding.error or 'nobody asked it'}"
        case found.HeartbeatMissing():
            silent = durations.measured(finding.seconds, 0)
            return f"no heartbeat reached the pager for {silent}, so its silence says nothing"
    assert_never(finding)


def _page(finding: PageFinding) -> str:
    match finding:
        case found.TemplateFailed():
            return f"a page of {finding.alert} has a template error for its {finding.annotation}"
        case found.RoutingUnreadable():
            return "Alertmanager's configuration cannot be read, so nobody knows whom a page has to reach"
        case found.PagesCounted():
            return f"{finding.number} pages said that something fires, should be {finding.bound}"
        case found.PagesCutShort():
            return f"{finding.number} alerts were left out of the pages of {finding.receiver}, by its max_alerts"
        case found.NotificationsFailed():
            return f"Alertmanager failed {finding.number} times to tell {finding.receiver} by {finding.kind}"
        case found.NotificationsUncounted():
            return f"whether {finding.receiver} was told is not known: {finding.why}"
        case found.MessageRefused():
            of = f"{finding.number} messages" if finding.number > 1 else "a message"
            return f"{of} to {finding.receiver} by {finding.kind} would not be taken: {finding.reason}"
        case found.MessageMissing():
            what = "fires" if finding.status == "firing" else "is resolved"
            told = f"told {finding.receiver} that {finding.alert} {what}"
            return f"no message by {finding.kind} {told}, as its page at {durations.measured(finding.at, 1)} did"
        case found.MessageAwaited():
            page = f"the page of {finding.alert} to {finding.receiver} at {durations.measured(finding.at, 1)}"
            return f"the run ended before a message by {finding.kind} could come beside {page}"
    assert_never(finding)


def _ledger(finding: LedgerFinding) -> str:
    match finding:
        case ledgers.OrdersBroken(keys=keys):
            return f"{len(keys)} orders {_FATES[finding.how]}: {_first(keys)}"
        case ledgers.OrdersNotShown(keys=keys):
            return f"{len(keys)} of {finding.reads} reads did not show an acknowledged order: {_first(keys)}"
        case ledgers.SessionsLost(lost=lost, not_shown=not_shown):
            return (
                f"{finding.ratio:.2%} of {finding.acknowledged} acknowledged sessions and cart writes lost"
                f" ({len(lost)}) or not shown to their users ({len(set(not_shown))}), should be"
                f" {finding.bound}: {_first([*lost, *not_shown])}"
            )
        case ledgers.CartsDoubled(names=names):
            return f"{len(names)} products in carts doubled by a retry: {_first(names)}"
        case ledgers.SessionsForeign(names=names):
            return f"{len(names)} sessions or carts show what is not theirs: {_first(names)}"
        case ledgers.NotReadBack():
            return f"the {finding.ledger} were not read back"
        case ledgers.Unread():
            return f"{finding.number} {finding.ledger} could not be read back"
        case ledgers.OrdersReadInPart():
            return f"{finding.read} of {finding.sent} orders were read back"
        case ledgers.NoLogInAcknowledged():
            return f"none of {finding.sent} log-ins was acknowledged"
        case ledgers.AllExpired():
            return f"each of {finding.sessions} sessions had expired when they were read back"
    assert_never(finding)


def _first(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:_NAMED])
