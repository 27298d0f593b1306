"""Made-up verdicts, rows of the matrix and catalogue runs."""

from chaos.verdict.alert_finding import PageRefused
from chaos.verdict.catalogue import Catalogue, Entry
from chaos.verdict.coverage import Row
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult, Delays
from chaos.verdict.run_finding import PagerSilentAtEnd
from chaos.verdict.verdict import Outcome, Verdict

DESIGN = Delays(2.0, 3.0, 7.0, 5.0)


def alert(name, outcome="proven", condition_true=1.0, delivered=3.5, reason="because", labels=None, held_until=None):
    fired = outcome not in ("quiet", "missed", "unknown")
    return AlertResult(
        name,
        labels or {},
        AlertOutcome(outcome),
        PageRefused(1, reason),
        condition_true=condition_true if fired else None,
        firing=2.0 if fired else None,
        delivered=delivered if fired else None,
        resolved=4.0 if fired else None,
        fires_within=10.0,
        resolves_within=20.0,
        design=DESIGN,
        held_until=held_until,
    )


def verdict(name, *alerts, outcome=Outcome.HELD, reasons=None, **changes):
    said = reasons if reasons is not None else [] if outcome is Outcome.HELD else ["users were hurt"]
    fields = {
        "run_id": f"run-of-{name}",
        "experiment": name,
        "title": f"the title of {name}",
        "claim": f"the claim of {name}",
        "fault": "f",
        "started": 0.0,
        "revision": "abc",
        "dirty": False,
        "outcome": outcome,
        "exit_code": {Outcome.HELD: 0, Outcome.DEVIATED: 1, Outcome.INCONCLUSIVE: 6}[outcome],
        "injected": 10.0,
        "undone": 25.0,
        "recovered": 0.0,
        "phases": [],
        "checks": [],
        "alerts": list(alerts),
        "already_firing": [],
        "orders": None,
        "by_hand": [],
        "findings": [PagerSilentAtEnd(one) for one in said],
    }
    return Verdict(**(fields | changes))


def row(name, *alerts, lists=None, fault="process.kill", marks=(), outcome=Outcome.HELD, reasons=None):
    listed = lists if lists is not None else [one.name for one in alerts if one.outcome.value != "quiet"]
    return Row(
        name,
        f"the claim of {name}",
        fault,
        list(listed),
        verdict(name, *alerts, outcome=outcome, reasons=reasons),
        40.0,
        list(marks),
    )


def entry(name, of=None, exit_code=None, seconds=40.0, **changes):
    of = of or verdict(name, alert("Down"))
    return Entry(name, of.exit_code if exit_code is None else exit_code, seconds, of.run_id, of, **changes)


def catalogue(*entries, name="20261123-all", planned=None, ended_early=""):
    planned = planned or [one.experiment for one in entries]
    return Catalogue(name, 0.0, 100.0, "abc", False, list(planned), list(entries), ended_early)
