"""The report for a terminal: what was claimed, what users saw, what each alert did, and why."""

from collections import Counter
from collections.abc import Iterable
from textwrap import wrap

from chaos.report import alert_words, durations, result_words, words
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult, CheckResult, MessagesTold, Orders, PanelResult, PhaseStats, Sessions
from chaos.verdict.verdict import Verdict

_NAME_WIDTH = 38
_WIDTH = 110
_PANEL_MARKS = {
    (True, True): "moved",
    (True, False): "DID NOT MOVE",
    (False, False): "still",
    (False, True): "MOVED",
    (True, None): "NO DATA",
    (False, None): "NO DATA",
}
"""By what was expected and what was seen."""


def render(verdict: Verdict, recording: str) -> str:
    """The whole report; `recording` is the path at which the run can be looked at."""
    blocks = [
        [verdict.title, f"claim: {verdict.claim}", f"fault: {verdict.fault}", *_settings(verdict)],
        ["Users", *_phases(verdict.phases), *_checks(verdict.checks), *_recovery(verdict)],
        ["Alerts", *_alerts_block(verdict)],
        ["Orders", *_orders(verdict.orders)] if verdict.has_ledgers else [],
        ["Sessions", *_sessions(verdict.sessions)] if verdict.has_ledgers else [],
        ["Dashboards", *_panels(verdict.panels)] if verdict.panels else [],
        [*_reasons(verdict)],
        [f"recording: {recording}", f"verdict: {verdict.outcome.value}, exit {verdict.exit_code}"],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def last_line(verdict: Verdict, report: str) -> str:
    """The last line printed: verdict, exit code and the report's path; `make` hides the exit code."""
    return f"stormdrill: {verdict.outcome.value} (exit {verdict.exit_code}), report {report}"


def _settings(verdict: Verdict) -> Iterable[str]:
    if verdict.settings:
        yield f"system: {words.of_settings(verdict.settings)}"


def _phases(phases: Iterable[PhaseStats]) -> Iterable[str]:
    yield "  phase      seconds  requests  failed  p50       p99       CPU short"
    for phase in phases:
        yield (
            f"  {phase.phase:<9}{phase.seconds:9.1f}{phase.requests:10}{phase.failed:8}"
            f"  {_milliseconds(phase.p50_seconds):<10}{_milliseconds(phase.p99_seconds):<10}"
            f"{_share(phase.cpu_pressure)}"
        )


def _checks(checks: Iterable[CheckResult]) -> Iterable[str]:
    for check in checks:
        mark = {True: "ok", False: "BROKEN", None: "NO DATA"}[check.holds]
        measured = "nothing" if check.measured is None else f"{check.measured:.4g}"
        said = result_words.of_check(check)
        reason = f"  ({said})" if said else ""
        yield f"  {mark:<8}{check.name:<{_NAME_WIDTH}}{check.phase:<8}{measured:>9}  wanted {check.bound}{reason}"


def _recovery(verdict: Verdict) -> Iterable[str]:
    if verdict.recovered is not None:
        yield f"  steady state back {durations.measured(verdict.recovered, 1)} after the undo"


def _alerts_block(verdict: Verdict) -> Iterable[str]:
    if not verdict.alerts_judged:
        yield "  not judged: the target names no alerting"
        return
    yield from _alerts(verdict.alerts)
    yield from _before(verdict.already_firing)
    yield from _told(verdict)
    yield from _messages(verdict.messages)
    yield from _blinded(verdict.blinded)
    for line in verdict.replicas:
        yield from wrap(f"replicas do not agree: {line}", _WIDTH, initial_indent="  ", subsequent_indent=" " * 4)


def _alerts(alerts: Iterable[AlertResult]) -> Iterable[str]:
    alerts = list(alerts)
    quiet = [alert for alert in alerts if alert.outcome is AlertOutcome.QUIET]
    unseen = [alert for alert in alerts if alert.blinded]
    taken = Counter(alert.window for alert in alerts if alert.window is not None)
    for alert in alerts:
        if alert.window is not None and taken.pop(alert.window, 0) > 1:
            several = sum(one.window == alert.window for one in alerts)
            yield f"  {several} of {alert.name}, as one window takes them:"
        if alert not in quiet and alert not in unseen:
            yield from _alert(alert)
    for word, silent in (("quiet", quiet), ("unknown", unseen)):
        if silent:
            text = f"  {word:<11} {', '.join(alert.name for alert in silent)}"
            yield from wrap(text, _WIDTH, subsequent_indent=" " * 14)
    for alert in (one for one in quiet if one.came_close):
        true, wanted = durations.measured(alert.pending or 0.0, 1), durations.spoken(alert.hold or 0.0)
        yield f"  close       {alert.name}: its condition was true for {true} of {wanted}"


def _alert(alert: AlertResult) -> Iterable[str]:
    yield f"  {alert.outcome.value:<11} {alert_words.named(alert)}: {alert_words.of_alert(alert)}"
    if alert.condition_true is None:
        return
    yield (
        f"              fault -> condition true {_at(alert.condition_true)} -> firing {_at(alert.firing)}"
        f" -> delivered {_at(alert.delivered)}{_window(alert.fires_within)};"
        f" undo -> resolved {_at(alert.resolved)}{_window(alert.resolves_within)}"
    )
    if alert.held_until is not None:
        yield f"              its page was kept back until {_at(alert.held_until)}: {alert.held_by}"
    yield from _design(alert)


def _pages(number: int) -> str:
    return f"{number} page{'' if number == 1 else 's'}"


def _design(alert: AlertResult) -> Iterable[str]:
    design = alert.design
    if design is None or alert.condition_true is None:
        return
    delivery = None if alert.delivered is None else alert.delivered - alert.condition_true
    yield (
        f"              detection {_at(alert.condition_true)} of {durations.measured(design.detection, 1)} by design,"
        f" delivery {_at(delivery)} of {durations.measured(design.delivery, 1)},"
        f" resolution {_at(alert.resolved)} of {durations.measured(design.resolution, 1)}; {_pages(alert.pages)}"
    )
    if alert.production:
        production = alert.production
        yield (
            f"              in production by design: detection {durations.measured(production.detection, 0)},"
            f" delivery {durations.measured(production.delivery, 0)},"
            f" resolution {durations.measured(production.resolution, 0)}"
        )


def _before(already: list[str]) -> Iterable[str]:
    if already:
        yield f"  fired before the fault and was not counted: {'; '.join(already)}"


def _told(verdict: Verdict) -> Iterable[str]:
    receivers = ", ".join(dict.fromkeys(one.receiver for one in verdict.told))
    if receivers:
        yield f"  delivery was seen at {verdict.evidence}, a receiver beside {receivers}; of these Alertmanager counts:"
    for one in verdict.told:
        shared = " (with all other receivers of this kind)" if one.shared else ""
        yield f"  by {one.kind} to {one.receiver}: {one.sent} sent, {one.failed} failed{shared}"


def _messages(messages: Iterable[MessagesTold]) -> Iterable[str]:
    for one in messages:
        refused = f", {one.refused} refused" if one.refused else ""
        told = f"{one.firing} that fire, {one.resolved} resolved, {one.other} others"
        yield f"  by {one.kind} to {one.receiver}: {told}{refused}"
        if one.first:
            yield f"              {one.first}"


def _blinded(blinded: list[str]) -> Iterable[str]:
    yield from (f"  blinded by design: {one}" for one in blinded)


def _orders(orders: Orders | None) -> Iterable[str]:
    if orders is None:
        yield "  not read back"
        return
    yield (
        f"  {orders.sent} sent: {orders.acknowledged} acknowledged, of which {orders.found} found;"
        f" {orders.refused} refused, {orders.unknown} unknown"
    )
    yield (
        f"  {len(orders.lost)} lost, {len(orders.doubled)} doubled by a retry, {len(orders.unread)} unread;"
        f" {len(orders.stale_reads)} of {orders.reads} reads stale"
    )


def _sessions(sessions: Sessions | None) -> Iterable[str]:
    if sessions is None:
        yield "  none, or not read back"
        return
    expired = f", {sessions.expired} expired" if sessions.expired else ""
    yield (
        f"  {sessions.opened} opened, of which {sessions.found} found as acknowledged{expired};"
        f" {sessions.refused} refused, {sessions.unknown} unknown"
    )
    yield (
        f"  {sessions.writes} cart writes acknowledged, {sessions.writes_refused} refused,"
        f" {sessions.writes_unknown} unknown"
    )
    ratio = "-" if sessions.lost_ratio is None else f"{sessions.lost_ratio:.2%}"
    yield (
        f"  {len(sessions.lost)} lost, {len(sessions.stale_reads)} not shown by {sessions.reads} reads:"
        f" {ratio}, wanted {sessions.bound}; {len(sessions.doubled)} doubled by a retry, {len(sessions.unread)} unread"
    )


def _panels(panels: list[PanelResult]) -> Iterable[str]:
    for panel in panels:
        if panel.expected is not None:
            mark = _PANEL_MARKS[panel.expected, panel.moved]
            yield f"  {mark:<13}{panel.dashboard} / {panel.panel}: {result_words.of_panel(panel)}"
    others = [panel for panel in panels if panel.expected is None]
    moved = [f"{panel.dashboard} / {panel.panel}" for panel in others if panel.moved]
    text = f"not tagged: {len(moved)} of {len(others)} panels moved{': ' if moved else ''}{', '.join(moved)}"
    yield from wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _reasons(verdict: Verdict) -> Iterable[str]:
    if reasons := words.reasons(verdict):
        yield f"Why {verdict.outcome.value}"
        yield from (f"  - {reason}" for reason in reasons)
    if unsaid := words.not_recorded(verdict):
        text = f"not recorded by the release that made this, so neither for nor against: {'; '.join(unsaid)}"
        yield from wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    if verdict.unmeasured:
        why = "; ".join(verdict.unmeasured)
        text = f"whether anybody met the fault was not measured, so neither for nor against: {why}"
        yield from wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield from (f"  BY HAND: {step}" for step in verdict.by_hand)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"


def _at(seconds: float | None) -> str:
    return "-" if seconds is None else durations.measured(seconds)


def _window(seconds: float | None) -> str:
    return "" if seconds is None else f" (within {durations.spoken(seconds)})"
