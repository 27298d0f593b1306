"""The values of a verdict: what was found, why, and the exit code that says it."""

from enum import IntEnum, StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from chaos.verdict.ledger_finding import LedgerFinding
from chaos.verdict.results import (
    AlertResult,
    CheckResult,
    MessagesTold,
    Orders,
    PanelResult,
    PhaseStats,
    Sessions,
    Told,
)
from chaos.verdict.run_finding import EvidenceFinding, PageFinding, RunFinding

AnyFinding: TypeAlias = RunFinding | EvidenceFinding | LedgerFinding | PageFinding
"""What a verdict gives as reasons beside those of its checks, alerts and panels."""


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
    ABORTED = 7
    DEFECT = 70
    """Of Stormdrill's own: no verdict."""
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
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"


EXIT_CODES = {
    Ending.BASELINE_NOT_MET: ExitCode.BASELINE_NOT_MET,
    Ending.NOT_INJECTED: ExitCode.NOT_INJECTED,
    Ending.UNDO_FAILED: ExitCode.UNDO_FAILED,
    Ending.DATA_MISSING: ExitCode.INCONCLUSIVE,
    Ending.LEASE_LOST: ExitCode.INCONCLUSIVE,
    Ending.ABORTED: ExitCode.ABORTED,
    Ending.INTERRUPTED: ExitCode.INTERRUPTED,
    Ending.TERMINATED: ExitCode.TERMINATED,
}


class Verdict(msgspec.Struct, frozen=True):
    """The whole verdict of one run; also the content of `verdict.json`."""

    run_id: str
    experiment: str
    title: str
    claim: str
    fault: str
    started: Annotated[float, Meta(description="Unix time.")]
    revision: str
    dirty: bool
    outcome: Outcome
    exit_code: int
    injected: Annotated[float | None, Meta(description="Seconds since the run's start.")]
    undone: float | None
    recovered: Annotated[
        float | None, Meta(description="Seconds from the undo until the steady state was back for good.")
    ]
    phases: list[PhaseStats]
    checks: list[CheckResult]
    alerts: list[AlertResult]
    already_firing: Annotated[list[str], Meta(description="Alerts that fired before the fault; they were not counted.")]
    orders: Annotated[Orders | None, Meta(description="None: they were not read back.")]
    by_hand: Annotated[list[str], Meta(description="What a human has to do now.")]
    panels: Annotated[list[PanelResult], Meta(description="Empty where the stack has no dashboards.")] = []
    blinded: Annotated[
        list[str], Meta(description="Which observers the faults blinded, and when; their gaps then are by design.")
    ] = []
    sessions: Annotated[Sessions | None, Meta(description="None: they were not read back, or there were none.")] = None
    alerts_judged: Annotated[bool, Meta(description="Whether the stack has alerting that could be looked at.")] = True
    has_ledgers: Annotated[bool, Meta(description="Whether users kept ledgers of orders and sessions.")] = True
    format: Annotated[int, Meta(description="Of the recording; of an earlier one some things are not known.")] = 1
    unmeasured: Annotated[
        list[str],
        Meta(description="Why nobody could look from here whether a fault met somebody: neither for nor against."),
    ] = []
    replicas: Annotated[
        list[str],
        Meta(description="On what replicas of one server did not agree when the run began: neither for nor against."),
    ] = []
    messages: Annotated[
        list[MessagesTold], Meta(description="What receivers sent for people, beside the webhooks that prove delivery.")
    ] = []
    evidence: Annotated[
        str, Meta(description="The receiver at whose webhook delivery was seen; empty where alerts were not judged.")
    ] = ""
    told: Annotated[
        list[Told], Meta(description="Receivers for which that one stands, by Alertmanager's own counters.")
    ] = []
    settings: Annotated[
        dict[str, str], Meta(description="What the system under attack was told beyond its defaults: its switches.")
    ] = {}
    findings: Annotated[
        list[AnyFinding],
        Meta(description="Why it is not `held`, beside what checks, alerts and panels say of themselves."),
    ] = []
