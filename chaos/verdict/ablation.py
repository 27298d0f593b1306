"""What each mechanism is worth: an experiment with its switch on, beside the same with it off. Pure."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from chaos.spec.ablation import Ablated, Exempt, Notice
from chaos.spec.values import Duration
from chaos.verdict.catalogue import Entry
from chaos.verdict.run_finding import RunEndedEarly
from chaos.verdict.verdict import Ending, Outcome, Verdict

_DURING, _BEFORE = "during", "before"


class Found(StrEnum):
    """What came of one switch."""

    NOTICED = "noticed"
    """As the table says."""
    OTHERWISE = "noticed otherwise"
    """The experiment holds no more, and what the table says did not come, or nothing was to be noticed."""
    NOTHING = "not noticed"
    """An experiment is missing, or the mechanism is not worth its code; the table does not say so yet."""
    LISTED = "not noticed, listed"
    """The same, and the table says what is to be done."""
    UNKNOWN = "unknown"
    """One of the two runs does not tell."""


class Side(msgspec.Struct, frozen=True):
    """One of the two runs."""

    word: str
    """Its verdict; of one without a verdict, what kept it from one."""
    run_id: str | None = None
    phase: str = ""
    """In which its users were looked at: while the fault was held, or before where the run did not come to that."""
    failed: float | None = None
    """The share of users' requests that failed in that."""
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    lost: int | None = None
    """Acknowledged writes that were lost, doubled, or not shown to their user; None: they were not read back."""
    held: bool = False
    why: str = ""
    """Why nothing can be concluded from it; empty where something can."""


class Compared(msgspec.Struct, frozen=True):
    """One switch, on and off."""

    row: Ablated
    on: Side
    off: Side

    @property
    def found(self) -> Found:
        """What came of it."""
        if self.on.why or self.off.why or not self.on.held:
            return Found.UNKNOWN
        if _met(self.row.notices, self.on, self.off):
            return Found.OTHERWISE if self.row.finding else Found.NOTICED
        if not self.off.held:
            return Found.OTHERWISE
        return Found.LISTED if self.row.finding else Found.NOTHING


class Ablation(msgspec.Struct, frozen=True):
    """All that were compared in one run; also the content of `ablation.json`."""

    id: str
    started: float
    """Unix time."""
    seconds: float
    revision: str
    dirty: bool
    planned: list[str]
    """Every switch that was to be compared."""
    compared: list[Compared]
    exempt: list[Exempt]
    ended_early: str = ""

    @property
    def complete(self) -> bool:
        """Whether all that was planned was compared."""
        return not self.ended_early and len(self.compared) == len(self.planned)

    @property
    def holds(self) -> bool:
        """Whether everything came as the table says."""
        return self.complete and all(one.found in (Found.NOTICED, Found.LISTED) for one in self.compared)


def side_of(entry: Entry, told: Mapping[str, str]) -> Side:
    """What one run tells of users; `told`: what the system was to be told, which the recording must say as well."""
    verdict = entry.verdict
    if verdict is None:
        return Side(entry.word, entry.run_id, why=entry.detail or "there is no verdict")
    if dict(told) != verdict.settings:
        said = ", ".join(f"{name}={value}" for name, value in sorted(verdict.settings.items())) or "nothing"
        return Side(entry.word, entry.run_id, why=f"the system was told {said} instead")
    phases = {phase.phase: phase for phase in verdict.phases if phase.requests}
    phase = phases.get(_DURING) or phases.get(_BEFORE)
    if phase is None:
        return Side(entry.word, entry.run_id, why="no user was seen")
    return Side(
        word=entry.word,
        run_id=entry.run_id,
        phase=phase.phase,
        failed=phase.failed / phase.requests,
        p50_seconds=phase.p50_seconds,
        p99_seconds=phase.p99_seconds,
        lost=_lost(verdict),
        held=entry.held,
        why=_inconclusive(verdict),
    )


def _inconclusive(verdict: Verdict) -> str:
    """A baseline that users' requests break says enough of the system; whatever else is missing says nothing."""
    if verdict.outcome is not Outcome.INCONCLUSIVE:
        return ""
    hurt = any(phase.failed for phase in verdict.phases if phase.phase == _BEFORE)
    # A request may fail as well before a fault that could not be injected, or a signal: that is why nothing is known.
    ended = {one.how for one in verdict.findings if isinstance(one, RunEndedEarly)}
    if verdict.injected is None and hurt and ended == {Ending.BASELINE_NOT_MET.value}:
        return ""
    return "evidence is missing"


def _lost(verdict: Verdict) -> int | None:
    orders, sessions = verdict.orders, verdict.sessions
    if orders is None and sessions is None:
        return None
    of_orders = (
        (orders.lost, orders.mismatched, orders.doubled, orders.refused_but_found, orders.stale_reads) if orders else ()
    )
    of_sessions = (sessions.lost, sessions.stale_reads, sessions.doubled, sessions.foreign) if sessions else ()
    return sum(len(one) for one in (*of_orders, *of_sessions))


def _met(notices: Notice, on: Side, off: Side) -> bool:
    """Whether one of the differences is as large as it has to be; of what one side does not tell, none is."""
    wanted = (
        (notices.failed, on.failed, off.failed),
        (_seconds(notices.p50), on.p50_seconds, off.p50_seconds),
        (_seconds(notices.p99), on.p99_seconds, off.p99_seconds),
        (notices.lost, on.lost, off.lost),
    )
    return (notices.verdict and not off.held) or any(_is_more(*one) for one in wanted)


def _is_more(least: float | None, before: float | None, after: float | None) -> bool:
    return least is not None and before is not None and after is not None and after - before >= least


def _seconds(duration: Duration | None) -> float | None:
    return None if duration is None else duration.in_seconds
