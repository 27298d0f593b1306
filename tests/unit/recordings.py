"""Made-up recordings: a run in which all is well, and ways to take something away from it."""

from dataclasses import replace
from pathlib import Path

import msgspec

from chaos.facts import ledger
from chaos.facts.alerts import (
    ActiveAlert,
    AlertHistory,
    AlertmanagerSeen,
    HistoryAsked,
    PrometheusSeen,
    RuleLoaded,
    Timing,
)
from chaos.facts.ledger import Order, OrderReading, OrderState
from chaos.facts.pages import PageAlert, PagerSeen, PageSeen
from chaos.facts.recording import Recording
from chaos.facts.run import FORMAT, FaultProof, Injected, PhaseBegan, RunEnded, RunStarted, Undone, Used
from chaos.facts.samples import Load, Request, Tick
from chaos.facts.sessions import CartWrite, Look, SessionLedger, SessionReading, Told, UserSession
from chaos.spec import values
from chaos.spec.experiment import Experiment

RATE = 50
WATCHDOG = [ActiveAlert("Watchdog", {"severity": "none"}, "firing", 0.0)]
LABELS = {"instance": "shop-2", "severity": "warning"}
BASELINE, INJECTED, UNDONE, END = 5.0, 10.0, 25.0, 32.0
CART = Look(0.0, False, "u", {"a": 1})
USER_SESSION = UserSession("s", 6.0, Told.ACKNOWLEDGED, "t", "u", (CartWrite(1, "a", 1, Told.ACKNOWLEDGED), CART))
EXPERIMENT = {
    "title": "t",
    "claim": "c",
    "fault": {"type": "process.kill", "instance": "shop-2", "for": "15s"},
    "steady_state": [
        {"name": "failed", "query": "load:failed:ratio", "before": "== 0", "during": "< 0.01", "after": "== 0"},
        {"name": "p99", "query": "load:latency:p99", "during": "< 0.5"},
    ],
    "alerts": [{"name": "Down", "fires_within": "5s", "resolves_within": "10s", "labels": {"instance": "shop-2"}}],
    "recover_within": "10s",
}


def requests(failed_at=(), took=0.01, until=END):
    sent = [index / RATE for index in range(int(BASELINE * RATE), int(until * RATE))]
    return tuple(
        Request(at, took, "GET /", None if at in failed_at else 200, at not in failed_at, None, f"shop-{index % 3 + 1}")
        for index, at in enumerate(sent)
    )


def page(at, status="firing", receiver="pager", accepted=True, name="Down", labels=LABELS, fired_at=11.0):
    alerts = [PageAlert(name, labels, status, fired_at)]
    return PageSeen(at, receiver, accepted, "" if accepted else "disk full", alerts)


def looks(rules=("Down", "Other"), start=0.0, end=END):
    return [PrometheusSeen(float(at), None, [], list(rules)) for at in range(int(start), int(end) + 1)]


def alertmanager(start=0.0, end=END):
    return [AlertmanagerSeen(float(at), None, [] if not at else None) for at in range(int(start), int(end) + 1)]


def history(state, first, last, name="Down", labels=LABELS):
    return AlertHistory(END, name, labels, state, [float(at) for at in range(int(first), int(last))])


def beats():
    alive = {"name": "Watchdog", "labels": {"severity": "none"}}
    return [page(float(at), receiver="deadman", fired_at=0.0, **alive) for at in range(0, int(END) + 1, 2)]


def facts():
    timing = Timing(1.0, 1.0, 0.0, 1.0, 0.5, 5.0)
    return [
        RunStarted(
            0.0,
            "r",
            "e",
            "f",
            "pager",
            "deadman",
            ["Down", "Other"],
            "shop-2",
            1e9,
            0.0,
            RATE,
            "abc",
            False,
            victims=["shop-2"],
            format=FORMAT,
        ),
        PhaseBegan(BASELINE, "baseline"),
        RuleLoaded(0.0, "Down", "pager", timing, None),
        PrometheusSeen(0.0, None, WATCHDOG, ["Down", "Other"]),
        *[msgspec.structs.replace(look, alerts=WATCHDOG) for look in looks()],
        *alertmanager(),
        *beats(),
        *[FaultProof(float(at), True, "down") for at in range(11, 25)],
        Injected(INJECTED, "killed", 80, {"shop-2": 80}, Used()),
        page(13.0),
        Undone(UNDONE, "serves"),
        page(30.0, "resolved"),
        PagerSeen(END, None),
        history("pending", 11, 12),
        history("firing", 12, 26),
        history("firing", 0, 32, "Watchdog", {"severity": "none"}),
        HistoryAsked(END, None),
        PhaseBegan(END, "collect"),
        RunEnded(33.0, "completed", ""),
    ]


def recording(**changes):
    ticks = tuple(Tick(float(at), 125, RATE, RATE, 0.0) for at in range(1, int(END) + 2))
    load = Load(None, changes.pop("requests", requests()), changes.pop("ticks", ticks), "SIGTERM", False)
    orders = ledger.Ledger((Order("k", 6.0, "s", 1, OrderState.ACKNOWLEDGED, "1"),), False)
    whole = Recording(
        Path("runs/r"),
        msgspec.convert(EXPERIMENT, Experiment, dec_hook=values.decode),
        tuple(facts()),
        load,
        orders,
        (OrderReading("k", OrderState.ACKNOWLEDGED, 1, True),),
        SessionLedger((USER_SESSION,), False),
        (SessionReading("s", CART),),
    )
    return replace(whole, **changes)


def without(*unwanted):
    return tuple(fact for fact in facts() if not any(condition(fact) for condition in unwanted))


def is_page(status, receiver="pager"):
    return lambda fact: isinstance(fact, PageSeen) and fact.receiver == receiver and fact.alerts[0].status == status


def is_history(state):
    return lambda fact: isinstance(fact, AlertHistory) and (fact.name, fact.state) == ("Down", state)


def down(verdict):
    return next(alert for alert in verdict.alerts if alert.name == "Down")
