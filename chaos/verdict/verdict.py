"""The values of a verdict: what was found, why, and the exit code that says it."""

from enum import IntEnum, StrEnum

import msgspec

from chaos.verdict.outcome import AlertOutcome


class Outcome(StrEnum):
    """The three verdicts."""

    HELD = "held"
    DEVIATED = "deviated"
    INCONCLUSIVE = "inconclusive"


class ExitCode(IntEnum):
    """Exit codes of `stormdrill run`."""

    HELD = 0
    DEVIATED = 1
    INVALID = 2
    BASELINE_NOT_MET = 3
    NOT_INJECTED = 4
    UNDO_FAILED = 5
    INCONCLUSIVE = 6
    INTERRUPTED = 130
    TERMINATED = 143


class Ending(StrEnum):
    """How a run came to its end."""

    COMPLETED = "completed"
    BASELINE_NOT_MET = "baseline not met"
    NOT_INJECTED = "fault not injected or without effect"
    UNDO_FAILED = "undo failed"
    DATA_MISSING = "data missing"
    LEASE_LOST = "lease lost"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"


EXIT_CODES = {
    Ending.BASELINE_NOT_MET: ExitCode.BASELINE_NOT_MET,
    Ending.NOT_INJECTED: ExitCode.NOT_INJECTED,
    Ending.UNDO_FAILED: ExitCode.UNDO_FAILED,
    Ending.DATA_MISSING: ExitCode.INCONCLUSIVE,
    Ending.LEASE_LOST: ExitCode.INCONCLUSIVE,
    Ending.INTERRUPTED: ExitCode.INTERRUPTED,
    Ending.TERMINATED: ExitCode.TERMINATED,
}


class PhaseStats(msgspec.Struct, frozen=True):
    """What users saw in one phase."""

    phase: str
    seconds: float
    requests: int
    failed: int
    p50_seconds: float | None
    p99_seconds: float | None
    cpu_pressure: float | None = None
    """Share of the time in which some process of the machine waited for a CPU; None where the kernel tells nothing."""


class CheckResult(msgspec.Struct, frozen=True):
    """One check in one phase."""

    name: str
    query: str
    phase: str
    bound: str
    measured: float | None
    """None where data is missing."""
    holds: bool | None
    """None where data is missing."""
    reason: str


class Delays(msgspec.Struct, frozen=True):
    """Seconds that the configuration alone explains, at most."""

    detection: float
    delivery: float
    resolution: float
    interval: float = 0.0
    """Between two notifications of a group: at most this long after whatever kept a page back is gone."""


class AlertResult(msgspec.Struct, frozen=True):
    """What became of one alert. Seconds count from the injection, those of the resolution from the undo."""

    name: str
    labels: dict[str, str]
    outcome: AlertOutcome
    reason: str
    condition_true: float | None = None
    firing: float | None = None
    delivered: float | None = None
    resolved: float | None = None
    held_until: float | None = None
    """Until when its page was kept back on its way; None when nothing kept it."""
    held_by: str = ""
    """What kept it back: an alert that inhibits it, or a fault on the way of pages."""
    fires_within: float | None = None
    resolves_within: float | None = None
    design: Delays | None = None
    production: Delays | None = None
    """What production durations would make of `design`."""
    pending: float | None = None
    """Of a quiet alert: for how long its condition was true at a stretch; None when it never was."""
    hold: float | None = None
    """Of a quiet alert: its `for`, which `pending` would have had to reach."""
    blinded: bool = False
    """Whether it is unknown because the fault itself blinds who would know."""

    @property
    def came_close(self) -> bool:
        """Whether it stayed quiet, but was true for at least half of its `for`."""
        return self.pending is not None and self.pending > 0 and self.pending >= (self.hold or 0.0) / 2


class PanelResult(msgspec.Struct, frozen=True):
    """Whether one panel of a dashboard showed the fault."""

    dashboard: str
    panel: str
    expected: bool | None
    """True: its description says that this fault moves it; False: nothing was broken; None: nothing was claimed."""
    moved: bool | None
    """None where data is missing."""
    line: str
    """The labels of the line that moved most."""
    reason: str
    widths: float | None
    """How far that line went outside its baseline, in widths of it; None for a change of state."""


class Orders(msgspec.Struct, frozen=True):
    """What became of the orders that users sent."""

    sent: int
    acknowledged: int
    found: int
    refused: int
    unknown: int
    lost: list[str]
    mismatched: list[str]
    doubled: list[str]
    refused_but_found: list[str]
    unread: list[str]
    reads: int = 0
    """How often users asked for an order that was acknowledged, and were told."""
    stale_reads: list[str] = []
    """Acknowledged, and a later read said that it is not there; once for each such read."""


class Sessions(msgspec.Struct, frozen=True):
    """What became of users' sessions and carts. Names are those of `sessions.ndjson`: session, or session/sku."""

    opened: int
    """Acknowledged log-ins."""
    refused: int
    unknown: int
    writes: int
    """Acknowledged writes to carts."""
    writes_refused: int
    writes_unknown: int
    found: int
    """Sessions that are there after recovery with all that was acknowledged."""
    lost: list[str]
    """Acknowledged sessions and writes that are not there after recovery."""
    reads: int
    """How often users looked at an open session, and were told."""
    stale_reads: list[str]
    """Acknowledged sessions and writes that a later read did not show; once for each such read."""
    doubled: list[str]
    """More in the cart than acknowledged and unknown writes explain."""
    foreign: list[str]
    """Somebody else's session, or a product that was never put there."""
    unread: list[str]
    lost_ratio: float | None
    """Share of acknowledged sessions and writes that are lost or were not shown; None where there are none."""
    bound: str
    """What the experiment allows of that."""


class Verdict(msgspec.Struct, frozen=True):
    """The whole verdict of one run; also the content of `verdict.json`."""

    run_id: str
    experiment: str
    title: str
    claim: str
    fault: str
    started: float
    """Unix time."""
    revision: str
    dirty: bool
    outcome: Outcome
    exit_code: int
    reasons: list[str]
    """Why it is not `held`; empty when it is."""
    injected: float | None
    """Seconds since the run's start."""
    undone: float | None
    recovered: float | None
    """Seconds from the undo until the steady state was back for good."""
    phases: list[PhaseStats]
    checks: list[CheckResult]
    alerts: list[AlertResult]
    already_firing: list[str]
    """Alerts that fired before the fault; they were not counted."""
    orders: Orders | None
    """None: they were not read back."""
    by_hand: list[str]
    """What a human has to do now."""
    panels: list[PanelResult] = []
    """Empty where the stack has no dashboards."""
    blinded: list[str] = []
    """Which observers the faults blinded, and when; their gaps then are by design."""
    sessions: Sessions | None = None
    """None: they were not read back, or there were none."""
    alerts_judged: bool = True
    """Whether the stack has alerting that could be looked at."""
    has_ledgers: bool = True
    """Whether users kept ledgers of orders and sessions."""
