"""A terminal at the table: what is typed is done, what happens is printed, and a mistake is answered."""

import io
import os
import subprocess
import sys

import pytest

from chaos.facts import game
from chaos.facts.game import (
    Acknowledged,
    Answered,
    Asked,
    Claimed,
    Declared,
    HoldEnded,
    InjectTold,
    Joined,
    Noted,
    Paged,
    RoundBegan,
    Steered,
)
from chaos.gameday.screen import HELP, Screen
from chaos.gameday.table import Table
from chaos.gameday.typed import Typed
from tests.fakes import FakeClock
from tests.waiting import until


@pytest.fixture
def table(tmp_path):
    made = Table(tmp_path, FakeClock(110.0))
    began = RoundBegan(
        0, 0.0, 100.0, 0.0, "abc", 60.0, 20.0, "B", ["shop-2", "postgres/shop-1"], ["process", "network", "nothing"],
        ["restart shop-2", "silence ALERT MINUTES", "repair COMPONENT KIND"], {}, [], 1.0,
    )  # fmt: skip
    game.append(made.file, began)
    game.append(made.file, Paged(0, 8.0, "pager", True, ["Down{instance=shop-2}"], "It is down", "https://book", 8.0))
    game.append(made.file, InjectTold(0, 9.0, "sales", "Is it down?", 60.0))
    return made


@pytest.fixture
def screen(table):
    return Screen(table, "Ann", io.StringIO())


def said(screen):
    return screen._out.getvalue()


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("ack 2", Acknowledged(4, 10.0, "Ann", 2)),
        ("claim shop-2 process 70", Claimed(4, 10.0, "Ann", "shop-2", "process", 0.7)),
        ("claim postgres/shop-1 network 70%", Claimed(4, 10.0, "Ann", "postgres/shop-1", "network", 0.7)),
        ("claim shop-2 process", Claimed(4, 10.0, "Ann", "shop-2", "process", 0.5)),
        ("claim nothing nothing 100", Claimed(4, 10.0, "Ann", "nothing", "nothing", 1.0)),
        ("do restart shop-2", Asked(4, 10.0, "Ann", "restart shop-2")),
        ("do silence ShopDown 5", Asked(4, 10.0, "Ann", "silence ShopDown 5")),
        ("note it's the database", Noted(4, 10.0, "Ann", "it's the database")),
        ("answer 3 No, only slow.", Answered(4, 10.0, "Ann", 3, "No, only slow.")),
        ("over", Declared(4, 10.0, "Ann")),
        ("host extend 300", Steered(4, 10.0, "Ann", "extend", 300.0)),
    ],
)
def test_what_is_typed_is_done(screen, table, line, fact):
    screen.do(line + "\n")
    assert table.facts[-1] == fact
    assert f"{fact.who}" in said(screen).splitlines()[-1]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ack", "a number is needed"),
        ("ack two", "a number is needed"),
        ("ack 7", "no page has this number"),
        ("claim shop-2", "such as: claim shop-2 process 70"),
        ("claim shop-9 process 70", "a component is one of shop-2, postgres/shop-1"),
        ("do sudo reboot", "what may be done is restart shop-2"),
        ("host", "host start|delay|extend|abort"),
        ("host extend soon", "could not convert"),
        ("host extend inf", "from 0 to 3600"),
        ("host extend nan", "from 0 to 3600"),
        ("host extend -5", "from 0 to 3600"),
        ("jump", "`help` says what can be done"),
        ("restart shop-2", "did you mean `do restart shop-2`?"),
        ("answer 99 what", "nobody asked that"),
    ],
)
def test_a_mistake_is_answered_and_nothing_is_done(screen, table, line, answer):
    screen.do(line)
    assert answer in said(screen)
    assert len(table.facts) == 3


def test_what_happens_is_printed_once(screen):
    screen.show()
    screen.show()
    lines = said(screen).splitlines()
    assert len(lines) == 3
    assert "PAGE 2: Down{instance=shop-2} - It is down" in lines[1]
    assert "sales (3): Is it down? (answer within 60 s)" in lines[2]


def test_that_it_takes_a_while_after_the_end_of_the_hold_is_told_to_everybody(screen, table):
    game.append(table.file, HoldEnded(0, 9.5, "mitigated", None))
    screen.show()
    assert "Alerts take a while" in said(screen)
    assert "`ack` and its number" not in said(screen), "the rest is for a practice round"


def test_who_came_to_look_on_does_nothing_until_he_takes_part(screen, table):
    table.join("Ann", "watcher")
    for line in ("ack 2", "do restart shop-2", "note hm", "over", "truth", "hint"):
        screen.do(line)
    assert said(screen).count("a watcher looks on") == 6
    assert isinstance(table.facts[-1], Joined)
    table.join("Ann", "player")
    screen.do("ack 2")
    assert isinstance(table.facts[-1], Acknowledged)


def test_help_and_what_can_be_named(screen):
    screen.do("help")
    screen.do("what")
    screen.do("book 2")
    screen.do("")
    assert HELP in said(screen)
    assert "process   a process is down" in said(screen), "and not only how it is called"
    assert "https://book" in said(screen)


def test_lines_are_read_in_pieces_and_go_to_whoever_listens(screen, table):
    reads, writes = os.pipe()
    typed, heard = Typed(reads), []
    typed.listen(screen.do)
    os.write(writes, b"note one\nno")
    until(lambda: table.all(Noted))
    typed.listen(heard.append)
    os.write(writes, b"te two\n")
    until(lambda: heard)
    assert (heard, [fact.text for fact in table.all(Noted)]) == (["note two"], ["one"])
    os.close(writes)


def test_a_thread_that_waits_for_typing_keeps_no_program_from_ending():
    program = "from chaos.gameday.typed import Typed; import time; Typed().listen(print); time.sleep(0.2)"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(20) == 0, process.stderr.read()
        process.stdin.close()


def test_a_runbook_that_is_here_is_shown(table, tmp_path):
    (tmp_path / "book").write_text("# What to do")
    screen = Screen(table, "Ann", io.StringIO(), books=tmp_path)
    game.append(table.file, Paged(0, 9.0, "pager", True, ["Down"], "It is down", "https://docs/book", 8.0))
    screen.do("book 4")
    assert "# What to do" in said(screen)


def test_a_terminal_that_was_closed_keeps_nothing_from_going_on(table):
    out = io.StringIO()
    screen = Screen(table, "Ann", out)
    out.close()
    screen.show()
    screen.do("ack 2")
    assert table.all(Acknowledged)


NASTY = "\x1b[2J\x1b]0;you\x07 all\nis well\r\x9b1A\u202e"


def test_what_others_write_moves_no_cursor_of_a_terminal(screen, table):
    """As a name, a note, an answer, an action; and whatever a program of another release has written down."""
    table.join(NASTY, "player")
    table.note(NASTY, NASTY)
    table.answer("Bob", 3, NASTY)
    table.ask(NASTY, f"silence {NASTY.split(maxsplit=1)[0]} 5")
    assert not [fact for fact in table.facts[3:] for text in (fact.who, *_texts(fact)) if not text.isprintable()]
    game.append(table.file, Noted(0, 9.0, NASTY, NASTY))
    screen.show()
    lines = said(screen).splitlines()
    assert len(lines) == len(table.facts), "a line each: none can be taken for the game's own"
    assert all(line.isprintable() for line in lines)
    assert "all is well" in lines[4]


def _texts(fact):
    return [value for name in ("text", "action") if (value := getattr(fact, name, ""))]


def test_a_refusal_repeats_no_escape_sequence(screen):
    screen.do("do \x1b[2J")
    assert "\x1b" not in said(screen)
    assert "what may be done" in said(screen)
