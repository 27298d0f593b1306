"""What happened when, as charts and lanes over one time axis: from a recording and its verdict to numbers. Pure.

All times are seconds since the run's start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from chaos.facts.alerts import AlertHistory, PrometheusSeen, RuleLoaded
from chaos.facts.panels import PanelHistory
from chaos.facts.processes import ProcessesSeen
from chaos.facts.recording import Recording
from chaos.facts.run import PhaseBegan, RunEnded, RunStarted
from chaos.judge import measures
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult
from chaos.verdict.verdict import Verdict

_LONGEST_STEPS = 2.5
"""Samples of one state that are closer than so many evaluations or looks are one stretch of it."""
_DULL = ("severity", "component")
"""Labels that tell alerts of one name from each other seldom."""
_SERVERS_PANEL = ("haproxy", "Server states")
_SERVER_STATES = {0.0: "down", 1.0: "up", 2.0: "drain", 3.0: "maintenance", 4.0: "no balancing"}
"""As that panel's query codes them."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which something was in one state."""

    start: float
    end: float
    state: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment."""

    at: float
    kind: str
    """`delivered`, `resolved` or `refused`."""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Until when something had to happen."""

    start: float
    end: float
    what: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of states over time."""

    name: str
    detail: str
    """What else there is to say of it."""
    stretches: list[Stretch]
    marks: list[Mark] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is drawn over the time axis."""

    start: float
    end: float
    injected: float | None
    undone: float | None
    phases: list[Stretch]
    seconds: list[measures.Second]
    """What users saw; a second in which none came has zeros and no latency worth showing."""
    rate: float
    """Nominal, a second."""
    alerts: list[Lane]
    processes: list[Lane]
    servers: list[Lane]
    steady: list[str]
    """Processes and servers that never changed their state, and are left out."""


def of(recording: Recording, verdict: Verdict) -> Timeline:
    """The timeline of one run."""
    phases = _phases(recording)
    end = recording.seconds
    start = next((phase.start for phase in phases if phase.state != "preflight"), 0.0)
    started = recording.first(RunStarted)
    processes, servers = _processes(recording, end), _servers(recording)
    changed = [lane for lane in processes if len(lane.stretches) > 1]
    moved = [lane for lane in servers if len({one.state for one in lane.stretches}) > 1]
    still = [lane for lane in (*processes, *servers) if lane not in changed and lane not in moved]
    return Timeline(
        start=start,
        end=max(end, start + 1.0),
        injected=verdict.injected,
        undone=verdict.undone,
        phases=phases,
        seconds=_seconds(recording),
        rate=started.rate_per_second if started else 0.0,
        alerts=[_alert(alert, recording, verdict) for alert in verdict.alerts if spoke(alert)],
        processes=changed,
        servers=moved,
        steady=[lane.name for lane in still],
    )


def spoke(alert: AlertResult) -> bool:
    """Whether an alert has anything to show: it was listed, fired or was paged."""
    return alert.outcome is not AlertOutcome.QUIET and (
        alert.fires_within is not None or alert.firing is not None or alert.delivered is not None
    )


def _phases(recording: Recording) -> list[Stretch]:
    began = recording.all(PhaseBegan)
    ended = recording.first(RunEnded)
    last = ended.at if ended else recording.seconds
    ends = [fact.at for fact in began[1:]] + [last]
    return [Stretch(fact.at, end, fact.phase) for fact, end in zip(began, ends, strict=True)]


def _seconds(recording: Recording) -> list[measures.Second]:
    rows = {row.second: row for row in measures.per_second(recording.load.requests)}
    # The first and the last second are not whole.
    whole = range(min(rows) + 1, max(rows)) if rows else range(0)
    return [rows.get(second) or measures.Second(second, 0, 0, 0.0, 0.0) for second in whole]


def _alert(alert: AlertResult, recording: Recording, verdict: Verdict) -> Lane:
    injected, undone = verdict.injected, verdict.undone
    marks, windows = [], []
    if injected is not None:
        if alert.delivered is not None:
            late = alert.fires_within is not None and alert.delivered > alert.fires_within
            marks.append(Mark(injected + alert.delivered, "delivered", late))
        if alert.fires_within is not None:
            windows.append(Window(injected, injected + alert.fires_within, "fires_within"))
    if undone is not None:
        if alert.resolved is not None:
            late = alert.resolves_within is not None and alert.resolved > alert.resolves_within
            marks.append(Mark(undone + alert.resolved, "resolved", late))
        if alert.resolves_within is not None:
            windows.append(Window(undone, undone + alert.resolves_within, "resolves_within"))
    labels = ", ".join(f"{name}={value}" for name, value in alert.labels.items() if name not in _DULL)
    return Lane(alert.name, labels, _alert_stretches(alert, recording), marks, windows)


def _alert_stretches(alert: AlertResult, recording: Recording) -> list[Stretch]:
    histories = [one for one in recording.all(AlertHistory) if one.name == alert.name and alert.labels == one.labels]
    states = {one.state: set(one.samples) for one in histories}
    if not states:
        # Prometheus may have lost its store: what was seen while it happened is left.
        for look in recording.all(PrometheusSeen):
            for active in look.alerts:
                if active.name == alert.name and active.labels == alert.labels:
                    states.setdefault(active.state, set()).add(look.at)
    timings = [rule.timing for rule in recording.all(RuleLoaded) if rule.alert == alert.name]
    step = max([recording.pace.look, *(timing.evaluation_seconds for timing in timings)])
    # Where both are stored for one moment, firing is what counts.
    return sorted(
        (one for state in sorted(states) for one in _joined(sorted(states[state]), state, step)),
        key=lambda one: one.start,
    )


def _joined(times: Sequence[float], state: str, step: float) -> Iterable[Stretch]:
    if not times:
        return
    start = times[0]
    for earlier, later in pairwise(times):
        if later - earlier > _LONGEST_STEPS * step:
            yield Stretch(start, earlier + step, state)
            start = later
    yield Stretch(start, times[-1] + step, state)


def _processes(recording: Recording, end: float) -> list[Lane]:
    changes: dict[str, list[tuple[float, str]]] = {}
    for seen in recording.all(ProcessesSeen):
        for name, state in seen.states.items():
            changes.setdefault(name, []).append((seen.at, state))
    lanes = []
    for name, found in sorted(changes.items()):
        ends = [at for at, _ in found[1:]] + [end]
        stretches = [Stretch(at, until, state) for (at, state), until in zip(found, ends, strict=True)]
        lanes.append(Lane(name, "process", stretches))
    return lanes


def _servers(recording: Recording) -> list[Lane]:
    lanes = []
    for history in recording.all(PanelHistory):
        if (history.dashboard, history.panel) == _SERVERS_PANEL:
            for series in history.series:
                name = f"HAProxy: {series.labels.get('proxy', '')}/{series.labels.get('server', '')}"
                lanes.append(Lane(name, "as HAProxy sees it", list(_values(series.values, history.step_seconds))))
    return lanes


def _values(values: Sequence[float | None], step: float) -> Iterable[Stretch]:
    """One stretch for each run of equal values; none where there is no number."""
    for value, group in groupby(enumerate(values), key=lambda pair: pair[1]):
        if value is not None:
            indices = [index for index, _ in group]
            yield Stretch(indices[0] * step, (indices[-1] + 1) * step, _SERVER_STATES.get(value, f"{value:g}"))
