"""What is found of a run as a whole: of its fault, its pages, and the evidence itself."""

from typing import TypeAlias

from chaos.verdict.finding import Finding, Refutation

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


class MessageRefused(Refutation, frozen=True):
    """So many messages for people that their service would not take, the first for this reason."""

    receiver: str
    kind: str
    number: int
    reason: str


class MessageMissing(Refutation, frozen=True):
    """A receiver was told by its webhook, and not by a message of this kind that it sends as well."""

    receiver: str
    kind: str
    status: str
    """`firing` or `resolved`."""
    alert: str
    """Of the page, the first alert."""
    at: float
    """When the page came, in seconds since the run's start."""


class MessageAwaited(Finding, frozen=True):
    """The same, of a page that came so shortly before the run's end that the message may still have been on its way."""

    receiver: str
    kind: str
    status: str
    """`firing` or `resolved`."""
    alert: str
    at: float


class NotificationsFailed(Refutation, frozen=True):
    """So many notifications by an integration of a receiver that people are told by failed, as Alertmanager counts."""

    receiver: str
    kind: str
    number: int


class NotificationsUncounted(Finding, frozen=True):
    """Nobody knows whether a receiver that people are told by was told: why."""

    receiver: str
    why: str


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


class RoutingUnreadable(Finding, frozen=True):
    """Alertmanager's configuration was recorded and cannot be read here: nobody knows whom a page has to reach."""


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
PageFinding: TypeAlias = (
    TemplateFailed
    | PagesCounted
    | PagesCutShort
    | RoutingUnreadable
    | MessageRefused
    | MessageMissing
    | MessageAwaited
    | NotificationsFailed
    | NotificationsUncounted
)
