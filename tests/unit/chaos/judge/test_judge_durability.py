"""Promises to users in the verdict: what is lost, stale, doubled or unread is counted, named and never held."""

from dataclasses import replace

import msgspec
import pytest

from chaos.facts import ledger
from chaos.facts.ledger import Order, OrderState
from chaos.facts.sessions import Look, SessionLedger, SessionReading
from chaos.judge.judge import judge
from chaos.report import terminal
from chaos.report.words import reasons
from chaos.spec import values
from chaos.spec.experiment import Experiment
from tests.unit.recordings import CART, EXPERIMENT, USER_SESSION, recording

GONE = Look(0.0, gone=True)


def judged(last=CART, during=CART, **experiment):
    session = replace(USER_SESSION, events=(*USER_SESSION.writes, during))
    return judge(
        recording(
            experiment=msgspec.convert(EXPERIMENT | experiment, Experiment, dec_hook=values.decode),
            sessions=SessionLedger((session,), False),
            session_readings=(SessionReading("s", last),),
        )
    )


def test_sessions_that_are_there_hold():
    verdict = judged()
    assert verdict.exit_code == 0, reasons(verdict)
    found = verdict.sessions
    assert (found.opened, found.writes, found.found, found.reads, found.lost_ratio, found.bound) == (
        1,
        1,
        1,
        1,
        0.0,
        "== 0",
    )


@pytest.mark.parametrize(
    ("last", "during", "lost", "stale"),
    [
        (GONE, CART, ["s", "s/a=1"], []),
        (replace(CART, items={}), CART, ["s/a=1"], []),
        (CART, GONE, [], ["s", "s/a=1"]),
        (CART, replace(CART, items={}), [], ["s/a=1"]),
    ],
)
def test_a_session_or_write_lost_or_stale_deviates_and_is_named(last, during, lost, stale):
    verdict = judged(last, during)
    assert (verdict.exit_code, verdict.sessions.lost, verdict.sessions.stale_reads) == (1, lost, stale)
    assert any("acknowledged sessions and cart writes lost" in reason for reason in reasons(verdict))
    assert f"{len(lost)} lost, {len(stale)} not shown by 1 reads" in terminal.render(verdict, "runs/r")


def test_the_experiment_says_how_much_may_be_lost():
    assert judged(replace(CART, items={}), sessions_lost="<= 0.5").exit_code == 0
    assert judged(replace(CART, items={}), sessions_lost="< 0.5").exit_code == 1


@pytest.mark.parametrize("items", [{"a": 2}, {"a": 1, "z": 1}])
def test_what_is_doubled_or_not_theirs_deviates_whatever_may_be_lost(items):
    assert judged(replace(CART, items=items), sessions_lost="<= 1").exit_code == 1


def test_somebody_elses_session_deviates():
    assert judged(replace(CART, user_id="v"), sessions_lost="<= 1").exit_code == 1


def test_sessions_that_were_not_read_back_are_missing_evidence():
    assert judge(recording(session_readings=None)).exit_code == 6
    assert judge(recording(session_readings=())).exit_code == 6
    assert judged(last=None).exit_code == 6


@pytest.mark.parametrize(
    ("gone_at", "during", "outcome"),
    [
        (1799.0 + USER_SESSION.used_at, CART, "expired"),
        (1790.0 + USER_SESSION.used_at, CART, "lost"),
        (1799.0 + USER_SESSION.used_at, GONE, "lost"),
        (1799.0 + USER_SESSION.used_at, replace(CART, items={}), "lost"),
    ],
)
def test_a_session_that_nobody_used_for_as_long_as_it_lives_is_not_lost(gone_at, during, outcome):
    old = replace(USER_SESSION, key="old", lifetime=1800.0, events=(*USER_SESSION.writes, during))
    judged_now = judge(
        recording(
            sessions=SessionLedger((old, USER_SESSION), False),
            session_readings=(SessionReading("old", Look(gone_at, gone=True)), SessionReading("s", CART)),
        )
    )
    found = judged_now.sessions
    assert (found.opened, found.found, found.expired) == (2, 1, outcome == "expired")
    assert (judged_now.exit_code, bool(found.lost)) == ((0, False) if outcome == "expired" else (1, True))
    assert found.lost_ratio == (0.0 if outcome == "expired" else 0.5)
    assert ("1 expired" in terminal.render(judged_now, "runs/r")) is (outcome == "expired")


def test_where_all_sessions_had_expired_nothing_is_known_of_them():
    old = replace(USER_SESSION, lifetime=1800.0)
    last = SessionReading("s", Look(3000.0, gone=True))
    verdict = judge(recording(sessions=SessionLedger((old,), False), session_readings=(last,)))
    assert (verdict.exit_code, reasons(verdict)) == (6, ["each of 1 sessions had expired when they were read back"])


def test_a_load_whose_every_log_in_failed_proves_nothing():
    unknown = fold_of_one_unanswered()
    assert judge(recording(sessions=unknown, session_readings=())).exit_code == 6


def fold_of_one_unanswered():
    return SessionLedger((replace(USER_SESSION, state=USER_SESSION.state.UNKNOWN, token=None, events=()),), False)


def test_a_load_without_sessions_is_judged_without_them():
    verdict = judge(recording(sessions=None, session_readings=None))
    assert (verdict.exit_code, verdict.sessions) == (0, None)


def test_a_stale_read_of_an_order_deviates_and_is_named():
    order = Order("k", 6.0, "s", 1, OrderState.ACKNOWLEDGED, "1", reads=4, stale_reads=2)
    verdict = judge(recording(orders=ledger.Ledger((order,), False)))
    assert (verdict.exit_code, verdict.orders.reads, verdict.orders.stale_reads) == (1, 4, ["k", "k"])
    assert "2 of 4 reads did not show an acknowledged order: k, k" in reasons(verdict)
    assert "2 of 4 reads stale" in terminal.render(verdict, "runs/r")
