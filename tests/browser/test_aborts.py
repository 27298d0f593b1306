"""A round ends at once in five ways, undone within ten seconds, and four of them need no console."""

import os
import signal

import pytest

from chaos.facts.game import HoldEnded, Ready
from chaos.facts.run import Aborted
from chaos.gameday.table import Table
from chaos.undo.journal import UndoJournal
from tests.browser.conftest import WALL
from tests.browser.day import Day
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(600)]

UNDONE_WITHIN_SECONDS = 10.0
BY_ITSELF = """\
abort_if: [{ query: "load:failed:ratio", bound: "> 0.5", for: 2s }]
"""


@pytest.fixture
def days(stack, tmp_path):
    begun = []

    def begin(**more):
        begun.append(Day(stack, tmp_path, **more))
        return begun[-1]

    yield begin
    for day in begun:
        day.end()


def starts(day) -> Table:
    """A round in which something is broken, and somebody was paged."""
    table = day.table
    until(lambda: table.all(Ready), 120)
    table.steer("Hana", "start")
    return day.injected()


def assert_undone(day, table, asked_at, stack):
    took = day.undone_at() - asked_at
    assert took < UNDONE_WITHIN_SECONDS, f"{took:.1f} s; {day.said}"
    assert [fact.how for fact in table.all(HoldEnded)] == ["aborted"]
    assert stack.command("undo")[1].strip().endswith("nothing to undo")


def test_by_the_hosts_button(stack, days, enter):
    day = days()
    host = enter(day.urls["host"], WALL)
    table = starts(day)
    host.get_by_label("You are").fill("Hana")
    host.get_by_role("button", name="Abort, and undo").click()
    asked_at = day.now()
    host.get_by_role("button", name="Really abort? Press again").click()
    assert_undone(day, table, asked_at, stack)


def test_from_a_terminal_when_the_console_is_dead(stack, days):
    day = days()
    table = starts(day)
    day.kill_console()
    asked_at = day.now()
    day.joins("host abort")
    assert_undone(day, table, asked_at, stack)


def test_by_ctrl_c_when_the_console_is_dead(stack, days):
    day = days()
    table = starts(day)
    day.kill_console()
    asked_at = day.now()
    os.kill(day.game.pid, signal.SIGINT)
    # What a signal ends is put back from its records, without a fact for each: the run's end comes after that.
    took = day.ended_at() - asked_at
    assert took < UNDONE_WITHIN_SECONDS, f"{took:.1f} s; {day.said}"
    assert len(table.all(HoldEnded)) == 1
    assert UndoJournal(stack.settings.state).open() == []
    assert stack.command("undo")[1].strip().endswith("nothing to undo")


def test_from_a_terminal_of_somebody_else_when_the_console_is_dead(stack, days):
    day = days()
    table = starts(day)
    day.kill_console()
    asked_at = day.now()
    day.aborts()
    assert_undone(day, table, asked_at, stack)
    until(lambda: "is aborted; what was broken is put back now" in day.said)


def test_by_itself_when_users_pay_too_much_and_the_console_is_dead(stack, days):
    day = days(instance="haproxy", alerts="HAProxyDown", more=BY_ITSELF)
    table = day.table
    until(lambda: table.all(Ready), 120)
    day.kill_console()
    table.steer("Hana", "start")
    until(lambda: table.all(HoldEnded), 120)
    [ended] = table.all(HoldEnded)
    assert_undone(day, table, ended.at, stack)
    assert [fact for fact in day.facts() if isinstance(fact, Aborted)], "and says why"
