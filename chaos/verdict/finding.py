"""Findings: what the judge gives as its reasons, as values. They are worded in report/words.py and nowhere else."""

import re
from enum import StrEnum
from typing import TypeAlias

import msgspec


def _tag(name: str) -> str:
    """`RuleNotRunning` as it stands in a file: `rule_not_running`."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower()


class Finding(msgspec.Struct, frozen=True, tag_field="finding", tag=_tag):
    """One reason. Of those about a whole run a `Refutation` refutes the claim; the others say what nobody knows."""


class Refutation(Finding, frozen=True):
    """What refutes the claim, whatever else is known."""


# Of a whole run: why it says nothing about the claim.


class RunEndedEarly(Finding, frozen=True):
    """It did not come to its end."""

    how: str
    """One of the words of Ending."""
    detail: str


class NothingInjected(Finding, frozen=True):
    """It says that it is complete, and has no injection."""


class VictimIdle(Finding, frozen=True):
    """The fault met nobody: its victim answered too few of the users' requests in the baseline."""

    instance: str
    answered: int
    needed: int


class NobodyMet(Finding, frozen=True):
    """The fault met nobody: what it hit was used less than counts, in its measure."""

    measure: str
    part: str
    """The instance, link, server or store; the fault itself where it is measured while it lasts."""
    number: float
    least: float


# Of the pages: what they say, and how many there are.


class TemplateFailed(Refutation, frozen=True):
    """A page whose text Prometheus could not make."""

    alert: str
    annotation: str


class PagesCounted(Refutation, frozen=True):
    """So many pages said that something fires, which is not what the experiment says."""

    number: int
    bound: str


class PagesCutShort(Finding, frozen=True):
    """So many alerts were left out of a receiver's pages, and nobody knows which."""

    receiver: str
    number: int


# Of the evidence: what is missing.


class LoadNeverAtRate(Finding, frozen=True):
    """Users never came at their rate."""


class LoadStoodStill(Finding, frozen=True):
    """No user came for so long."""

    seconds: int


class LoadOffRate(Finding, frozen=True):
    """Users came at another rate, in requests a second; the slowest and fastest are None where none came."""

    lowest: float | None
    highest: float | None
    nominal: float


class LoadCutOff(Finding, frozen=True):
    """The load did not end in order."""


class EffectUnknown(Finding, frozen=True):
    """Nobody can say whether a fault met somebody."""

    fault: str


class FaultUnwatched(Finding, frozen=True):
    """For so long nobody looked whether the fault was in place."""

    seconds: float
    staged: int | None = None
    """Which of the staged faults; None: the main one."""


class SourceSilent(Finding, frozen=True):
    """One who watches told nothing for so long."""

    source: str
    seconds: float
    error: str
    """What it said last; empty where nobody asked it."""


class AlertHistoryMissing(Finding, frozen=True):
    """Prometheus did not tell at the end what its alerts had done."""


class NoRules(Finding, frozen=True):
    """Prometheus runs no alerting rule."""


class RulesNotRunning(Finding, frozen=True):
    """Rules that the stack should run, and Prometheus does not, or not in good health."""

    alerts: list[str]


class ClockMoved(Finding, frozen=True):
    """A source's clock moved against ours while the run lasted."""

    source: str
    seconds: float


class OutOfOrder(Finding, frozen=True):
    """A source told of something so many seconds before it can have been: its clock is not what we take it for."""

    source: str
    seconds: float


class FactsLost(Finding, frozen=True):
    """So many facts of one kind were written and are not in the recording."""

    kind: str
    number: int


class ObserverEnded(Finding, frozen=True):
    """One who watches looked for the last time so many seconds before the run's end."""

    source: str
    seconds: float


class PagerSilentAtEnd(Finding, frozen=True):
    """The last look at the pager gave nothing."""

    error: str
    """Empty where nobody asked it."""


class HeartbeatMissing(Finding, frozen=True):
    """For so long the always-firing alert did not reach the pager."""

    seconds: float


# Of the ledgers: what became of what was acknowledged.


class Ledger(StrEnum):
    """What users keep a ledger of."""

    ORDERS = "orders"
    SESSIONS = "sessions"


class OrderFate(StrEnum):
    """How a promise about an order was broken."""

    LOST = "lost"
    """Acknowledged, and not there."""
    MISMATCHED = "mismatched"
    """Acknowledged, and not found under its id."""
    DOUBLED = "doubled"
    """By a retry."""
    REFUSED_BUT_FOUND = "refused_but_found"


class OrdersBroken(Refutation, frozen=True):
    """Orders about which a promise was broken, by their keys."""

    how: OrderFate
    keys: list[str]


class OrdersNotShown(Refutation, frozen=True):
    """Reads that did not show an acknowledged order: its key, once for each."""

    keys: list[str]
    reads: int


class SessionsLost(Refutation, frozen=True):
    """More sessions and cart writes are lost, or were not shown, than the experiment allows."""

    ratio: float
    acknowledged: int
    lost: list[str]
    not_shown: list[str]
    bound: str


class CartsDoubled(Refutation, frozen=True):
    """Products that are in a cart more often than was asked for."""

    names: list[str]


class SessionsForeign(Refutation, frozen=True):
    """Sessions or carts that show what is not theirs."""

    names: list[str]


class NotReadBack(Finding, frozen=True):
    """A ledger was not read back at all."""

    ledger: Ledger


class Unread(Finding, frozen=True):
    """So many of a ledger's entries could not be read back."""

    ledger: Ledger
    number: int


class OrdersReadInPart(Finding, frozen=True):
    """Fewer orders were read back than were sent."""

    read: int
    sent: int


class NoLogInAcknowledged(Finding, frozen=True):
    """None of so many log-ins was acknowledged, so that there is nothing to lose."""

    sent: int


RunFinding: TypeAlias = RunEndedEarly | NothingInjected | VictimIdle | NobodyMet
"""Why a run says nothing about the claim; it is then the only one."""
LoadFinding: TypeAlias = LoadNeverAtRate | LoadStoodStill | LoadOffRate | LoadCutOff
WatchFinding: TypeAlias = (
    FaultUnwatched
    | EffectUnknown
    | SourceSilent
    | AlertHistoryMissing
    | NoRules
    | RulesNotRunning
    | FactsLost
    | ClockMoved
    | OutOfOrder
    | ObserverEnded
    | PagerSilentAtEnd
    | HeartbeatMissing
)
EvidenceFinding: TypeAlias = LoadFinding | WatchFinding
LedgerFinding: TypeAlias = (
    OrdersBroken
    | OrdersNotShown
    | SessionsLost
    | CartsDoubled
    | SessionsForeign
    | NotReadBack
    | Unread
    | OrdersReadInPart
    | NoLogInAcknowledged
)
PageFinding: TypeAlias = TemplateFailed | PagesCounted | PagesCutShort
AnyFinding: TypeAlias = RunFinding | EvidenceFinding | LedgerFinding | PageFinding
"""What a verdict gives as reasons beside those of its checks, alerts and panels."""


def ledger_of(finding: AnyFinding) -> Ledger | None:
    """Which ledger it is about; None: none."""
    match finding:
        case NotReadBack(ledger=ledger) | Unread(ledger=ledger):
            return ledger
        case OrdersBroken() | OrdersNotShown() | OrdersReadInPart():
            return Ledger.ORDERS
        case SessionsLost() | CartsDoubled() | SessionsForeign() | NoLogInAcknowledged():
            return Ledger.SESSIONS
    return None
