"""Every kind of fact: what a recording is decoded as."""

from typing import TypeAlias

from chaos.facts.alerts import (
    AlertHistory,
    AlertmanagerConfigured,
    AlertmanagerSeen,
    AlertsSent,
    HistoryAsked,
    NotificationsCounted,
    PrometheusSeen,
    RuleLoaded,
    RuleSeen,
    SelectorSeen,
)
from chaos.facts.clocks import ClockSeen
from chaos.facts.metrics import QueryHistory
from chaos.facts.pages import MessageSeen, PagerSeen, PageSeen
from chaos.facts.panels import PanelHistory, PanelsAsked
from chaos.facts.processes import MachineSeen, PollFailed, ProcessesSeen
from chaos.facts.replicas import ReplicasSeen
from chaos.facts.run import (
    Aborted,
    FaultProof,
    Injected,
    Mitigated,
    PhaseBegan,
    RunEnded,
    RunStarted,
    StagedInjected,
    StagedUndone,
    Undone,
)
from chaos.facts.traces import TracesSeen

AnyFact: TypeAlias = (
    RunStarted
    | PhaseBegan
    | RuleLoaded
    | RuleSeen
    | SelectorSeen
    | PrometheusSeen
    | AlertmanagerSeen
    | AlertmanagerConfigured
    | NotificationsCounted
    | AlertHistory
    | HistoryAsked
    | QueryHistory
    | PanelHistory
    | PanelsAsked
    | TracesSeen
    | PageSeen
    | PagerSeen
    | MessageSeen
    | ProcessesSeen
    | MachineSeen
    | PollFailed
    | ClockSeen
    | ReplicasSeen
    | AlertsSent
    | Injected
    | FaultProof
    | StagedInjected
    | StagedUndone
    | Aborted
    | Mitigated
    | Undone
    | RunEnded
)
